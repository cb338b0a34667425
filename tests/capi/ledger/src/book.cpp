#include "capi-ledger/src/book.h"
#include "capi-ledger/src/lib.rs.h"
#include <algorithm>
#include <stdexcept>

namespace ledger {

std::int64_t Book::add(rust::Str account, std::int64_t amount) {
    std::int64_t &balance = accounts[std::string(account)];
    if (balance + amount < 0)
        throw std::range_error("account " + std::string(account) + " lacks " + std::to_string(-balance - amount));
    return balance += amount;
}

rust::Vec<Line> Book::lines() const {
    rust::Vec<Line> lines;
    for (const auto &[account, balance] : accounts)
        lines.push_back(Line{rust::String(account), balance});
    return lines;
}

std::size_t Book::audit(const Auditor &auditor) const {
    return std::count_if(accounts.begin(), accounts.end(), [&](const auto &entry) {
        return auditor.accepts(entry.first, entry.second);
    });
}

std::unique_ptr<std::string> Book::richest() const {
    auto most = std::max_element(accounts.begin(), accounts.end(),
                                 [](const auto &a, const auto &b) { return a.second < b.second; });
    return std::make_unique<std::string>(most == accounts.end() ? "" : most->first);
}

std::unique_ptr<Book> open() {
    return std::make_unique<Book>();
}

}
