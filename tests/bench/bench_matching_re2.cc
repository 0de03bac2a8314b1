// RE2::Set behind C functions; only bench_matching is linked with it.
#include "bench_matching.h"

#include <re2/set.h>
#include <vector>

struct re2_set {
    RE2::Set set;
    std::vector<int> hits;
    explicit re2_set(const RE2::Options &o) : set(o, RE2::UNANCHORED) {}
};

extern "C" void *re2_set_new(const char *const *patterns, size_t n)
{
    RE2::Options options;
    options.set_max_mem(1LL << 30); // with the default 8 MB its DFA is thrown away again and again
    options.set_log_errors(false);
    auto *s = new re2_set(options);
    for (size_t i = 0; i < n; i++) {
        if (s->set.Add(patterns[i], nullptr) >= 0) continue;
        delete s;
        return nullptr;
    }
    if (s->set.Compile()) return s;
    delete s;
    return nullptr;
}

extern "C" size_t re2_set_run(void *set, const char *text, size_t n)
{
    auto *s = static_cast<re2_set *>(set);
    s->hits.clear();
    s->set.Match(re2::StringPiece(text, n), &s->hits);
    return s->hits.size();
}

extern "C" void re2_set_free(void *set)
{
    delete static_cast<re2_set *>(set);
}
