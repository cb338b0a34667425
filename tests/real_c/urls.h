/* A library beside ada that uses its headers: inline functions, templates and type information are in both. */
#include <stdexcept>
#include <string>
#include <vector>

struct bad_url : std::runtime_error {
    using std::runtime_error::runtime_error;
    virtual int code() const { return 4; }
};

inline std::vector<std::string> seen;
template <class T> struct counted { static inline int made = 0; counted() { ++made; } };

std::string normalized(const std::string &text);
int hosts(void (*tell)(const std::string &));
