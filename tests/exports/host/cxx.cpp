#include "cxx.hpp"
#include <cstdio>

struct Square : Shape {
    int area() const override { return 9 + Shape::area(); }
};

int main() {
    Square square;
    Shape *shape = &square;
    Box<int> box{1};
    bool right = shape->area() == 16 && dynamic_cast<Square *>(shape) && box.get() == 2;
    right = right && left_name(5) == "left5" && left_list().size() == 2 && left_of_c() == 3 && left_variable == 4;
    right = right && right_sum({{"x", 1}, {"yy", 2}}) == 6 && right_throws() == "caught";
    right = right && left_count() == 1 && right_count() == 2 && counter() == 3;
    std::puts(right ? "all right" : "wrong");
    return !right;
}
