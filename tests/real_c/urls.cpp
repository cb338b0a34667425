#include "urls.h"
#include "ada.h"
#include <map>

static std::map<std::string, int> counts;

std::string normalized(const std::string &text)
{
    counted<ada::url_aggregator> one;
    auto url = ada::parse<ada::url_aggregator>(text);
    if (!url)
        throw bad_url("no URL: " + text);
    seen.push_back(std::string(url->get_host()));
    ++counts[seen.back()];
    return std::string(url->get_href());
}

int hosts(void (*tell)(const std::string &))
{
    for (auto &[host, count] : counts)
        tell(host + " " + std::to_string(count));
    return static_cast<int>(counts.size());
}
