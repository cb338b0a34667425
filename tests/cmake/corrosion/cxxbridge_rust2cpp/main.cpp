#include "called-from-cxx/src/further/mod.rs.h"
#include "called-from-cxx/src/lib.rs.h"

#include <vector>

int main()
{
    std::vector<uint32_t> numbers = {7, 8, 9};
    rust::Slice<const uint32_t> all(numbers.data(), numbers.size());
    first::show(all);
    second::show(all);
    return 0;
}
