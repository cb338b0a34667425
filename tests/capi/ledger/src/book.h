#pragma once
#include "rust/cxx.h"
#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace ledger {

struct Line;
struct Auditor;

// Accounts by name.
class Book {
public:
    // Throws where the account would be overdrawn.
    std::int64_t add(rust::Str account, std::int64_t amount);
    rust::Vec<Line> lines() const;
    // Asks Rust about each account.
    std::size_t audit(const Auditor &auditor) const;
    std::unique_ptr<std::string> richest() const;

private:
    std::map<std::string, std::int64_t> accounts;
};

std::unique_ptr<Book> open();

}
