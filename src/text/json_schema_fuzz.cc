// Any bytes as a JSON Schema: refused, or compiled to a grammar in which every step that can be
// taken can be gone on from, up to an end that the JSON reader takes.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/random.h"
#include "json/json.h"
#include "text/grammar_automaton.h"
#include "text/json_schema_grammar.h"

namespace {

// Walks at random, and at last only to where something ends.
void walk(const text::Grammar& grammar, uint64_t seed) {
  text::GrammarAutomaton automaton(grammar);
  base::Rng rng(seed);
  std::string written;
  int32_t state = automaton.start();
  while (!(automaton.accepts(state) && !automaton.goes_on(state)) && written.size() < 400) {
    std::string open;
    for (int byte = 0; byte < 256; ++byte) {
      if (automaton.next(state, static_cast<uint8_t>(byte)) != text::GrammarAutomaton::kDead)
        open.push_back(static_cast<char>(byte));
    }
    CHECK(!open.empty() || automaton.accepts(state));
    const size_t closing = open.find_first_of("\"}]");
    const bool close = closing != open.npos && rng.below(3) == 0;
    const char byte = open[close ? closing : rng.below(open.size())];
    written.push_back(byte);
    state = automaton.next(state, static_cast<uint8_t>(byte));
  }
  if (!automaton.accepts(state)) return;
  CHECK(grammar.matches(written));
  const auto value = json::parse(written);  // which takes no key twice, as a grammar cannot
  CHECK(value || value.error().message.find("twice") != std::string::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 8192) return 0;
  const auto schema = json::parse({reinterpret_cast<const char*>(data), size});
  if (!schema) return 0;
  const auto hint = text::compile_json_schema(*schema, false);
  CHECK(hint);  // not strict: something is always made of it
  walk(**hint, size);
  const auto strict = text::compile_json_schema(*schema, true);
  if (strict) walk(**strict, size + 1);
  if (!strict) CHECK(!strict.error().message.empty());
  return 0;
}
