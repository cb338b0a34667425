#include "cxx.hpp"

int right_sum(const std::map<std::string, int> &all) {
    int sum = 0;
    for (auto &[name, number] : all) sum += number + name.size();
    return sum;
}
int right_count() { return counter(); }
std::string right_throws() {
    try {
        throw std::runtime_error("caught");
    } catch (std::exception &error) {
        return error.what();
    }
}
