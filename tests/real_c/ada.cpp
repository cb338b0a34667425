/* Ada's tests are Rust's in the bundle: this parses, sets and throws, here and in a library beside it. */
#include "ada.h"
#include "urls.h"
#include <cstdio>

int main()
{
    static const char *texts[] = {"https://EXAMPLE.org:443/a/../b?x=1#y", "http://münchen.de/ä", "file:///C|/x/../y", "http://0x7f.1/",
                                  "http://[::ffff:1.2.3.4]/", "http://[::1", "data:text/plain,hi", "http://user:pass@h:8080/%zz?q", "//relative", "ws://a.b/\tc"};
    for (auto text : texts) {
        try {
            std::printf("%s\n", normalized(text).c_str());
        } catch (const bad_url &bad) {
            std::printf("%d %s\n", bad.code(), bad.what());
        }
        auto other = ada::parse<ada::url>(text);
        counted<ada::url_aggregator> here;
        std::printf("  %s %d\n", other ? other->get_href().c_str() : "none", static_cast<bool>(ada::can_parse(text)));
    }
    auto url = ada::parse<ada::url_aggregator>("http://a/b?c=d&e=f&c=g");
    url->set_protocol("https"), url->set_port("99"), url->set_pathname("x y/%2e"), url->set_hash("é");
    std::printf("%s\n%s\n", std::string(url->get_href()).c_str(), url->to_string().c_str());
    ada::url_search_params params(url->get_search());
    params.append("z", "&="), params.sort();
    std::printf("%s %zu\n", params.to_string().c_str(), params.size());
    std::printf("%s %s\n", ada::idna::to_ascii("faß.example").c_str(), ada::idna::to_unicode("xn--mnchen-3ya.de").c_str());
    try {
        std::vector<int>().at(3);
    } catch (const std::exception &e) {
        std::printf("caught\n");
    }
    std::printf("%zu seen, %d made, %d hosts\n", seen.size(), counted<ada::url_aggregator>::made,
                hosts([](const std::string &line) { std::printf("  %s\n", line.c_str()); }));
}
