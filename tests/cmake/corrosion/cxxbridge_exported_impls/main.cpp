#include "rust/cxx.h"
#include "shared-types/src/lib.rs.h"

#include <iostream>

int main()
{
    std::cout << std::string(outcome("one").text->text) << std::endl;
    std::cout << std::string(of_nothing().text->text) << std::endl;
    try {
        outcome("");
        return 1;
    } catch (const rust::Error &error) {
        std::cout << error.what() << std::endl;
    }
    return 0;
}
