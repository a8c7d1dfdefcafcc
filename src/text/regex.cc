#include "text/regex.h"

#include <string>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/check.h"

namespace text {
namespace {

constexpr uint32_t kMatchLimit = 20'000'000;
constexpr uint32_t kDepthLimit = 100'000;
constexpr uint32_t kHeapLimitKib = 64 * 1024;
constexpr size_t kPatternBytesMax = 64 * 1024;

struct MatchDataFree {
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
};

}  // namespace

struct Regex::Compiled {
  pcre2_code* code = nullptr;
  pcre2_match_context* context = nullptr;
  Compiled() = default;
  Compiled(const Compiled&) = delete;
  Compiled& operator=(const Compiled&) = delete;
  ~Compiled() {
    pcre2_match_context_free(context);
    pcre2_code_free(code);
  }
};

base::Result<Regex> Regex::compile(std::string_view pattern) {
  if (pattern.size() > kPatternBytesMax)
    return base::fail(base::Code::TooLarge, "the regular expression is longer than 64 KiB");
  int error = 0;
  PCRE2_SIZE offset = 0;
  auto compiled = std::make_shared<Compiled>();
  compiled->code =
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                    PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &error, &offset, nullptr);
  if (!compiled->code) {
    PCRE2_UCHAR words[256];
    pcre2_get_error_message(error, words, sizeof words);
    return base::fail(
        base::Code::Malformed,
        "the regular expression does not compile: " + std::string(reinterpret_cast<char*>(words)) +
            " at byte " + std::to_string(offset),
        std::string(pattern.substr(0, 80)));
  }
  // Hosts that forbid writable code pages refuse the compiler; the interpreter then matches the
  // same, slower.
  static_cast<void>(pcre2_jit_compile(compiled->code, PCRE2_JIT_COMPLETE));
  compiled->context = pcre2_match_context_create(nullptr);
  CHECK(compiled->context);
  pcre2_set_match_limit(compiled->context, kMatchLimit);
  pcre2_set_depth_limit(compiled->context, kDepthLimit);
  pcre2_set_heap_limit(compiled->context, kHeapLimitKib);
  return Regex(std::move(compiled));
}

bool Regex::find(std::string_view text, size_t from, size_t* begin, size_t* end) const {
  // One ovector pair is enough: only the whole match is asked for.
  thread_local const std::unique_ptr<pcre2_match_data, MatchDataFree> match(
      pcre2_match_data_create(1, nullptr));
  CHECK(match);
  const auto* subject = reinterpret_cast<PCRE2_SPTR>(text.data());
  for (size_t at = from; at < text.size();) {
    const int found =
        pcre2_match(compiled_->code, subject, text.size(), at, PCRE2_NO_UTF_CHECK | PCRE2_NOTEMPTY,
                    match.get(), compiled_->context);
    if (found < 0) return false;
    const PCRE2_SIZE* range = pcre2_get_ovector_pointer(match.get());
    // \K may put the start where it likes; a match that does not move on is not one.
    if (range[0] >= at && range[1] > range[0]) {
      *begin = range[0];
      *end = range[1];
      return true;
    }
    ++at;
    while (at < text.size() && (static_cast<uint8_t>(text[at]) & 0xC0) == 0x80) ++at;
  }
  return false;
}

}  // namespace text
