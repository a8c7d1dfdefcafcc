#include "judge/instructions.h"

#include <algorithm>
#include <array>

#include "base/utf8.h"
#include "judge/grade.h"
#include "judge/text_count.h"
#include "text/unicode.h"

namespace judge {
namespace {

using json::Value;

int64_t number(const Value& args, std::string_view key) { return args[key].as_int(); }
const std::string& word(const Value& args, std::string_view key) { return args[key].as_string(); }

bool related(int64_t count, const Value& args, std::string_view relation, std::string_view limit) {
  return word(args, relation) == "less than" ? count < number(args, limit)
                                             : count >= number(args, limit);
}

std::string lowered(std::string_view text) { return text::to_lower(text); }

bool existence(const Value& args, std::string_view answer) {
  const std::string text = lowered(answer);
  return std::ranges::all_of(args["keywords"].as_array(), [&](const Value& keyword) {
    return text.contains(lowered(keyword.as_string()));
  });
}
bool frequency(const Value& args, std::string_view answer) {
  return related(count_text(lowered(answer), lowered(word(args, "keyword"))), args, "relation",
                 "frequency");
}
bool forbidden_words(const Value& args, std::string_view answer) {
  const std::string text = lowered(answer);
  return std::ranges::none_of(args["forbidden_words"].as_array(), [&](const Value& each) {
    return has_word(text, lowered(each.as_string()));
  });
}
bool letter_frequency(const Value& args, std::string_view answer) {
  return related(count_text(lowered(answer), lowered(word(args, "letter"))), args, "let_relation",
                 "let_frequency");
}
bool response_language(const Value& args, std::string_view answer) {
  return is_language(answer, word(args, "language"));
}
bool number_sentences(const Value& args, std::string_view answer) {
  return related(count_sentences(answer), args, "relation", "num_sentences");
}
bool number_words(const Value& args, std::string_view answer) {
  return related(static_cast<int64_t>(words_in(answer).size()), args, "relation", "num_words");
}

// Paragraphs stand between lines of "***"; only the first and the last may be empty.
bool number_paragraphs(const Value& args, std::string_view answer) {
  const auto parts = split(answer, "***");
  int64_t count = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (!trim(parts[i]).empty()) {
      ++count;
    } else if (i != 0 && i + 1 != parts.size()) {
      return false;
    }
  }
  return count == number(args, "num_paragraphs");
}

bool nth_paragraph_first_word(const Value& args, std::string_view answer) {
  const auto parts = split(answer, "\n\n");
  const auto count = std::ranges::count_if(parts, [](auto part) { return !trim(part).empty(); });
  const int64_t nth = number(args, "nth_paragraph");
  if (count != number(args, "num_paragraphs") || nth > count) return false;
  std::string_view first = trim(parts[static_cast<size_t>(nth - 1)]);
  first = first.substr(0, first.find_first_of(" \t\r\n"));
  while (first.starts_with('\'')) first.remove_prefix(1);
  while (first.starts_with('"')) first.remove_prefix(1);
  first = first.substr(0, first.find_first_of(".,?!'\""));
  return !first.empty() && lowered(first) == lowered(word(args, "first_word"));
}

bool number_placeholders(const Value& args, std::string_view answer) {
  int64_t count = 0;
  for (const std::string_view line : lines_of(answer)) {
    for (size_t at = line.find('['); at != line.npos; at = line.find('[', at)) {
      at = line.find(']', at);
      if (at == line.npos) break;
      ++count;
    }
  }
  return count >= number(args, "num_placeholders");
}

bool postscript(const Value& args, std::string_view answer) {
  const std::string text = lowered(answer);
  const std::string marker = lowered(word(args, "postscript_marker"));
  if (text.contains(marker)) return true;
  // A blank may stand between the letters.
  if (marker == "p.s.") return text.contains("p. s.");
  return marker == "p.p.s" &&
         (text.contains("p. p.s") || text.contains("p.p. s") || text.contains("p. p. s"));
}

bool number_bullet_lists(const Value& args, std::string_view answer) {
  int64_t count = 0;
  for (std::string_view line : lines_of(answer)) {
    line = trim(line);
    count += (line.starts_with('*') && line.size() > 1 && line[1] != '*') || line.starts_with('-');
  }
  return count == number(args, "num_bullets");
}

bool constrained_response(const Value&, std::string_view answer) {
  return std::ranges::any_of(
      std::array{"My answer is yes.", "My answer is no.", "My answer is maybe."},
      [&](std::string_view option) { return answer.contains(option); });
}

// Spans between two `mark`s on one line that hold more than blanks.
int64_t count_spans(std::string_view answer, std::string_view mark) {
  int64_t count = 0;
  for (const std::string_view line : lines_of(answer)) {
    size_t open = line.find(mark);
    while (open != line.npos) {
      const size_t close = line.find(mark, open + mark.size());
      if (close == line.npos) break;
      const std::string_view inside = line.substr(open + mark.size(), close - open - mark.size());
      count += !trim(inside).empty() && !inside.contains('*') ? 1 : 0;
      open = line.find(mark, close + mark.size());
    }
  }
  return count;
}
bool number_highlighted_sections(const Value& args, std::string_view answer) {
  // A span between double stars also counts as the empty and full spans between single ones do.
  return count_spans(answer, "*") + count_spans(answer, "**") >= number(args, "num_highlights");
}

bool multiple_sections(const Value& args, std::string_view answer) {
  const std::string& splitter = word(args, "section_spliter");
  int64_t count = 0;
  for (size_t at = answer.find(splitter); at != answer.npos;) {
    size_t next = at + splitter.size();
    if (next < answer.size() && answer[next] == ' ') ++next;
    count += next < answer.size() && answer[next] >= '0' && answer[next] <= '9' ? 1 : 0;
    at = answer.find(splitter, at + splitter.size());
  }
  return count >= number(args, "num_sections");
}

bool json_format(const Value&, std::string_view answer) {
  std::string_view text = trim(answer);
  for (const std::string_view fence : {"```json", "```Json", "```JSON", "```"}) {
    if (!text.starts_with(fence)) continue;
    text.remove_prefix(fence.size());
    break;
  }
  if (text.ends_with("```")) text.remove_suffix(3);
  return json::parse(trim(text)).has_value();
}

bool title(const Value&, std::string_view answer) {
  for (const std::string_view line : lines_of(answer)) {
    const size_t open = line.find("<<");
    const size_t close = line.rfind(">>");
    if (open == line.npos || close == line.npos || close < open + 3) continue;
    if (!trim(line.substr(open + 2, close - open - 2)).empty()) return true;
  }
  return false;
}

bool two_responses(const Value&, std::string_view answer) {
  const auto parts = split(answer, "******");
  std::vector<std::string_view> found;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (!trim(parts[i]).empty()) {
      found.push_back(trim(parts[i]));
    } else if (i != 0 && i + 1 != parts.size()) {
      return false;
    }
  }
  return found.size() == 2 && found[0] != found[1];
}

bool repeat_prompt(const Value& args, std::string_view answer) {
  return lowered(trim(answer)).starts_with(lowered(trim(word(args, "prompt_to_repeat"))));
}

bool end_checker(const Value& args, std::string_view answer) {
  std::string_view text = trim(answer);
  while (text.starts_with('"')) text.remove_prefix(1);
  while (text.ends_with('"')) text.remove_suffix(1);
  return lowered(text).ends_with(lowered(trim(word(args, "end_phrase"))));
}

bool quotation(const Value&, std::string_view answer) {
  const std::string_view text = trim(answer);
  return text.size() > 1 && text.starts_with('"') && text.ends_with('"');
}

// Words of two kinds of letters only: "AI" and "A" are capital, "Ai" is not.
bool capital_word_frequency(const Value& args, std::string_view answer) {
  int64_t count = 0;
  for (const std::string_view each : words_in(answer))
    count += lowered(each) != each && text::to_upper(each) == each ? 1 : 0;
  return related(count, args, "capital_relation", "capital_frequency");
}
bool english_capital(const Value&, std::string_view answer) {
  return text::to_upper(answer) == answer && lowered(answer) != answer && could_be_english(answer);
}
bool english_lowercase(const Value&, std::string_view answer) {
  return lowered(answer) == answer && text::to_upper(answer) != answer && could_be_english(answer);
}
bool no_comma(const Value&, std::string_view answer) { return !answer.contains(','); }

struct Argument {
  enum class Kind : unsigned char { None, Text, Count, Words, Relation, Language };
  std::string_view name = {};
  Kind kind = Kind::None;
};
using enum Argument::Kind;

struct Rule {
  std::string_view id;
  bool (*follows)(const Value& args, std::string_view answer);
  std::array<Argument, 3> arguments = {};
};

constexpr std::array kRules = {
    Rule{"keywords:existence", existence, {{{"keywords", Words}}}},
    Rule{"keywords:frequency",
         frequency,
         {{{"keyword", Text}, {"frequency", Count}, {"relation", Relation}}}},
    Rule{"keywords:forbidden_words", forbidden_words, {{{"forbidden_words", Words}}}},
    Rule{"keywords:letter_frequency",
         letter_frequency,
         {{{"letter", Text}, {"let_frequency", Count}, {"let_relation", Relation}}}},
    Rule{"language:response_language", response_language, {{{"language", Language}}}},
    Rule{"length_constraints:number_sentences",
         number_sentences,
         {{{"relation", Relation}, {"num_sentences", Count}}}},
    Rule{"length_constraints:number_words",
         number_words,
         {{{"relation", Relation}, {"num_words", Count}}}},
    Rule{"length_constraints:number_paragraphs", number_paragraphs, {{{"num_paragraphs", Count}}}},
    Rule{"length_constraints:nth_paragraph_first_word",
         nth_paragraph_first_word,
         {{{"num_paragraphs", Count}, {"nth_paragraph", Count}, {"first_word", Text}}}},
    Rule{"detectable_content:number_placeholders",
         number_placeholders,
         {{{"num_placeholders", Count}}}},
    Rule{"detectable_content:postscript", postscript, {{{"postscript_marker", Text}}}},
    Rule{"detectable_format:number_bullet_lists", number_bullet_lists, {{{"num_bullets", Count}}}},
    Rule{"detectable_format:constrained_response", constrained_response},
    Rule{"detectable_format:number_highlighted_sections",
         number_highlighted_sections,
         {{{"num_highlights", Count}}}},
    Rule{"detectable_format:multiple_sections",
         multiple_sections,
         {{{"section_spliter", Text}, {"num_sections", Count}}}},
    Rule{"detectable_format:json_format", json_format},
    Rule{"detectable_format:title", title},
    Rule{"combination:two_responses", two_responses},
    Rule{"combination:repeat_prompt", repeat_prompt, {{{"prompt_to_repeat", Text}}}},
    Rule{"startend:end_checker", end_checker, {{{"end_phrase", Text}}}},
    Rule{"startend:quotation", quotation},
    Rule{"change_case:capital_word_frequency",
         capital_word_frequency,
         {{{"capital_relation", Relation}, {"capital_frequency", Count}}}},
    Rule{"change_case:english_capital", english_capital},
    Rule{"change_case:english_lowercase", english_lowercase},
    Rule{"punctuation:no_comma", no_comma},
};

const Rule* find_rule(std::string_view id) {
  const auto found = std::ranges::find(kRules, id, &Rule::id);
  return found == kRules.end() ? nullptr : &*found;
}

std::unexpected<base::Error> wrong(std::string message, std::string where) {
  return base::fail(base::Code::InvalidArgument, std::move(message), std::move(where),
                    "SUITE_MALFORMED");
}

base::Status check_argument(const Argument& argument, const Value& args) {
  if (argument.kind == Count) {
    TRY(const int64_t count, json::get_int(args, argument.name));
    if (count < (argument.name == "nth_paragraph" ? 1 : 0) || count > 1'000'000)
      return wrong("a count is between 0 and 1000000", std::string(argument.name));
    return {};
  }
  if (argument.kind == Words) {
    TRY_VOID(words_of(args, argument.name));
    return {};
  }
  TRY(const std::string text, json::get_string(args, argument.name));
  if (text.empty()) return wrong("the argument is empty", std::string(argument.name));
  if (argument.kind == Relation && text != "less than" && text != "at least")
    return wrong("a relation is \"less than\" or \"at least\"", text);
  if (argument.kind == Language && !is_known_language(text))
    return wrong("this language cannot be told apart", text);
  return {};
}

}  // namespace

base::Status check_instruction(std::string_view id, const Value& args) {
  const Rule* rule = find_rule(id);
  if (rule == nullptr) return wrong("there is no such verifiable instruction", std::string(id));
  if (!args.is_object()) return wrong("the arguments must be an object", std::string(id));
  size_t known = 0;
  for (const Argument& argument : rule->arguments) {
    if (argument.kind == None) continue;
    TRY_VOID(check_argument(argument, args));
    ++known;
  }
  if (args.as_object().size() != known)
    return wrong("the instruction has arguments that it does not know", std::string(id));
  return {};
}

bool follows(std::string_view id, const Value& args, std::string_view answer) {
  const Rule* rule = find_rule(id);
  return rule != nullptr && !trim(answer).empty() && rule->follows(args, answer);
}

base::Status check_instructions(const Value& expect) {
  TRY_VOID(json::only_fields(expect, {"instructions"}));
  TRY(const json::Array* list, json::get_array(expect, "instructions"));
  if (list->empty()) return wrong("a case has at least one instruction", "instructions");
  for (const Value& each : *list) {
    TRY_VOID(json::only_fields(each, {"id", "args"}));
    TRY(const std::string id, json::get_string(each, "id"));
    TRY(const Value* args, json::get_object(each, "args"));
    TRY_VOID(check_instruction(id, *args));
  }
  return {};
}

std::optional<double> grade_instructions(const Case& one, std::string_view output) {
  for (const Value& each : one.expect["instructions"].as_array()) {
    if (!follows(each["id"].as_string(), each["args"], output)) return 0;
  }
  return 1;
}

}  // namespace judge
