#include "cxx.hpp"

Shape::~Shape() {}
int Shape::area() const { return 7; }
template struct Box<int>;

std::string left_name(int number) { return "left" + std::to_string(number); }
std::vector<std::string> left_list() { return {left_name(1), left_name(2)}; }
int left_count() { return counter(); }
int left_variable = 4;
int left_of_c(void) { return 3; }
