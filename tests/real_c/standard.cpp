// Much of what C++'s own library has: streams, locales, expressions, files, threads, exceptions.

#include <complex>
#include <filesystem>
#include <fstream>
#include <future>
#include <iomanip>
#include <iostream>
#include <locale>
#include <map>
#include <memory_resource>
#include <regex>
#include <sstream>

int main()
{
    std::map<std::string, int> counts;
    const std::string text = "the quick brown fox jumps over the lazy dog the end";
    const std::regex word("[a-z]+");
    for (auto it = std::sregex_iterator(text.begin(), text.end(), word); it != std::sregex_iterator(); ++it)
        counts[it->str()]++;
    for (const auto &[name, count] : counts)
        std::cout << name << '=' << count << ' ';
    std::cout << std::endl;
    try {
        std::cout << std::string().at(5);
    } catch (const std::out_of_range &error) {
        std::cout << error.what() << '\n';
    }
    try {
        std::cout << std::filesystem::file_size("no such file");
    } catch (const std::exception &error) {
        std::cout << error.what() << '\n';
    }
    std::cout << std::async(std::launch::async, [] { return 42; }).get() << '\n';
    std::stringstream numbers;
    numbers << std::setprecision(3) << 3.14159 << std::complex<double>(1, 2) << std::hex << 255;
    std::cout << numbers.str() << '\n';
    std::wostringstream wide;
    wide << L"wide " << 1234567;
    std::wcout << wide.str() << L'\n';
    std::ofstream("written.txt") << "hello";
    std::string read;
    std::ifstream("written.txt") >> read;
    std::cout << read << '\n';
    char memory[100];
    std::pmr::monotonic_buffer_resource resource(memory, sizeof memory);
    std::pmr::vector<int> numbered(&resource);
    numbered.push_back(3);
    std::cout << numbered[0] << std::use_facet<std::numpunct<char>>(std::locale()).decimal_point()
              << std::put_money(12345) << std::endl;
}
