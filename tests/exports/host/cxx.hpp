#pragma once
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

struct Shape {
    virtual ~Shape();
    virtual int area() const;
};

template <class T> struct Box {
    T value;
    T get() const;
};
template <class T> T Box<T>::get() const { return value + 1; }
// Made in left.cpp.
extern template struct Box<int>;

inline int counter() {
    static int calls = 0;
    return ++calls;
}

std::string left_name(int);
std::vector<std::string> left_list();
int left_count();
extern int left_variable;
extern "C" int left_of_c(void);

int right_sum(const std::map<std::string, int> &);
int right_count();
std::string right_throws();
