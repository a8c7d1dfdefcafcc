#include "lab/synth/grammar.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/check.h"

namespace lab::synth {
namespace {

constexpr int kDepthMax = 32;

void mix(uint64_t* hash, std::string_view bytes) {
  for (const char c : bytes) *hash = (*hash ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
}

// Numbers and people keep their letter in the skeleton ("a apples, then b"); words of a list do
// not.
void mix(uint64_t* hash, const Slot& slot) {
  const std::array<char, 5> code = {'\x01', static_cast<char>(slot.kind),
                                    static_cast<char>(slot.form), static_cast<char>(slot.index),
                                    static_cast<char>(slot.noun)};
  mix(hash, std::string_view(code.data(), code.size()));
}

bool is_number_letter(char c) { return (c >= 'a' && c <= 'h') || c == 'x' || c == 'y'; }

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

}  // namespace

Grammar::Grammar(std::string_view text) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    read_line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  // A rule name that came up late has no place in the sections read before it.
  common_.rules.resize(rule_names_.size(), -1);
  for (Section& section : sections_) section.rules.resize(rule_names_.size(), -1);
  for (const auto& list : lists_) CHECK(!list.empty());
}

int Grammar::rule_id(std::string_view name) {
  return rule_names_.try_emplace(std::string(name), static_cast<int>(rule_names_.size()))
      .first->second;
}

int Grammar::rule(std::string_view name) const {
  const auto found = rule_names_.find(name);
  return found == rule_names_.end() ? -1 : found->second;
}

const std::vector<std::string>* Grammar::find_list(std::string_view name) const {
  const auto found = list_names_.find(name);
  return found == list_names_.end() ? nullptr : &lists_[static_cast<size_t>(found->second)];
}

bool Grammar::has(const Section& section, int rule) const {
  const auto id = static_cast<size_t>(rule);
  return rule >= 0 && (section.rules[id] >= 0 || common_.rules[id] >= 0);
}

int32_t Grammar::add(Node node) {
  nodes_.push_back(std::move(node));
  return static_cast<int32_t>(nodes_.size()) - 1;
}

void Grammar::read_section(std::string_view header) {
  Section section;
  const size_t end = std::min(header.find(' '), header.size());
  section.id = header.substr(0, end);
  header.remove_prefix(end);
  while (!(header = trim(header)).empty()) {
    const size_t stop = std::min(header.find(' '), header.size());
    const std::string_view pair = header.substr(0, stop);
    const size_t equals = pair.find('=');
    CHECK(equals != std::string_view::npos);
    section.attributes.emplace(pair.substr(0, equals), pair.substr(equals + 1));
    header.remove_prefix(stop);
  }
  if (section.id == "common") {
    current_ = &common_;
  } else {
    sections_.push_back(std::move(section));
    current_ = &sections_.back();
  }
}

void Grammar::read_line(std::string_view line) {
  if (line.empty() || line[0] == '#') return;
  if (line[0] == '@') return read_section(line.substr(1));
  const size_t blank = line.find(' ');
  CHECK(blank != std::string_view::npos && blank > 0);
  std::string_view name = line.substr(0, blank);
  std::string_view text = trim(line.substr(blank));
  if (name[0] == '%') {
    CHECK(text.starts_with("= "));
    text.remove_prefix(2);
    const auto [place, fresh] =
        list_names_.try_emplace(std::string(name.substr(1)), static_cast<int>(lists_.size()));
    if (fresh) lists_.emplace_back();
    auto& list = lists_[static_cast<size_t>(place->second)];
    for (size_t stop = 0; !text.empty(); text.remove_prefix(std::min(stop + 1, text.size()))) {
      stop = std::min(text.find('|'), text.size());
      list.emplace_back(text.substr(0, stop));
    }
    return;
  }
  CHECK(current_ != nullptr);
  int weight = 1;
  if (const size_t star = name.find('*'); star != std::string_view::npos) {
    const char* end = name.data() + name.size();
    CHECK(std::from_chars(name.data() + star + 1, end, weight).ptr == end && weight > 0);
    name = name.substr(0, star);
  }
  const auto id = static_cast<size_t>(rule_id(name));
  if (current_->rules.size() <= id) current_->rules.resize(id + 1, -1);
  if (current_->rules[id] < 0) current_->rules[id] = add({.kind = Node::Kind::Choice});
  Cursor cursor{text};
  const int32_t child = read_sequence(cursor, false);
  auto& children = nodes_[static_cast<size_t>(current_->rules[id])].children;
  children.insert(children.end(), static_cast<size_t>(weight), child);
}

int32_t Grammar::read_choice(Cursor& cursor) {
  Node choice{.kind = Node::Kind::Choice};
  const std::string_view rest = cursor.text.substr(cursor.at);
  if (rest.size() > 2 && rest[0] >= 'a' && rest[0] <= 'z' && rest[1] == ':') {
    choice.bound = static_cast<int8_t>(rest[0] - 'a');
    cursor.at += 2;
  }
  for (;;) {
    choice.children.push_back(read_sequence(cursor, true));
    CHECK(cursor.at < cursor.text.size());  // an open brace without its close
    if (cursor.text[cursor.at++] == '}') return add(std::move(choice));
  }
}

int32_t Grammar::read_sequence(Cursor& cursor, bool nested) {
  Node sequence{.kind = Node::Kind::Sequence};
  std::string literal;
  auto flush = [&] {
    if (literal.empty()) return;
    sequence.children.push_back(
        add({.kind = Node::Kind::Literal, .literal = std::exchange(literal, {})}));
  };
  while (cursor.at < cursor.text.size()) {
    const char c = cursor.text[cursor.at];
    if (c == '|' || c == '}') {
      CHECK(nested);
      break;
    }
    ++cursor.at;
    if (c == '{') {
      flush();
      sequence.children.push_back(read_choice(cursor));
    } else if (c == '[' || c == '<') {
      flush();
      const size_t close = cursor.text.find(c == '[' ? ']' : '>', cursor.at);
      CHECK(close != std::string_view::npos);
      const std::string_view inner = cursor.text.substr(cursor.at, close - cursor.at);
      cursor.at = close + 1;
      if (c == '[') {
        sequence.children.push_back(add({.kind = Node::Kind::Rule, .rule = rule_id(inner)}));
      } else {
        sequence.children.push_back(add({.kind = Node::Kind::Slot, .slot = read_slot(inner)}));
      }
    } else if (c == '\\') {  // "\n" in a file is a newline in the text
      CHECK(cursor.at < cursor.text.size() && cursor.text[cursor.at] == 'n');
      ++cursor.at;
      literal += '\n';
    } else {
      literal += c;
    }
  }
  flush();
  if (sequence.children.size() == 1) return sequence.children[0];
  return add(std::move(sequence));
}

Slot Grammar::read_slot(std::string_view text) {
  using Kind = Slot::Kind;
  using Form = Slot::Form;
  CHECK(!text.empty());
  Slot slot;
  if (text[0] == '=') {
    CHECK(text.size() == 2 && text[1] >= '1' && text[1] <= '8');
    return {.kind = Kind::Equation, .index = static_cast<uint8_t>(text[1] - '1')};
  }
  if (text[0] == '$') {
    slot.form = Form::Money;
    text.remove_prefix(1);
  }
  const bool step = text.size() >= 2 && text[0] == 't' && text[1] >= '1' && text[1] <= '9';
  const size_t head = step ? 2 : 1;
  const bool alone =
      text.size() == head || (text[head] != '.' && (text[head] < 'a' || text[head] > 'z') &&
                              (text[head] < '0' || text[head] > '9'));
  if (step || (alone && is_number_letter(text[0]))) {
    slot.kind = step ? Kind::Step : Kind::Number;
    slot.index = static_cast<uint8_t>(step ? text[1] - '1' : text[0] - 'a');
    const std::string_view rest = trim(text.substr(head));
    if (rest == "%")
      slot.form = Form::Percent;
    else if (rest == "times")
      slot.form = Form::Times;
    else if (rest == "frac")
      slot.form = Form::Fraction;
    else if (!rest.empty()) {
      CHECK(rest[0] == 'n' || rest[0] == 'm' || rest[0] == 'k');
      slot.noun = static_cast<int8_t>(rest[0] == 'n' ? 0 : rest[0] == 'm' ? 1 : 2);
      CHECK(rest.size() == 1 || rest.substr(1) == ".c");
      if (rest.size() > 1) slot.form = Form::Measure;
    }
    return slot;
  }
  const std::string_view rest = text.substr(1);
  if (rest.empty() || rest[0] == '.' || rest[0] == '\'') {
    if (text[0] == 'n' || text[0] == 'm' || text[0] == 'k') {
      slot.kind = Kind::Noun;
      slot.index = static_cast<uint8_t>(text[0] == 'n' ? 0 : text[0] == 'm' ? 1 : 2);
      CHECK(rest.empty() || rest == ".1" || rest == ".c");
      slot.form = rest.empty() ? Form::Plain : rest == ".1" ? Form::Singular : Form::Measure;
      return slot;
    }
    CHECK(text[0] >= 'p' && text[0] <= 'r');
    slot.kind = Kind::Person;
    slot.index = static_cast<uint8_t>(text[0] - 'p');
    CHECK(rest.empty() || rest == "'s" || rest == ".o" || rest == ".n");
    slot.form = rest.empty()   ? Form::Plain
                : rest == "'s" ? Form::Possessive
                : rest == ".o" ? Form::Object
                               : Form::Name;
    return slot;
  }
  slot.kind = Kind::Word;
  if (text.back() == '2' || text.back() == '3') {
    slot.index = static_cast<uint8_t>(text.back() - '1');
    text.remove_suffix(1);
  }
  const auto [place, fresh] =
      list_names_.try_emplace(std::string(text), static_cast<int>(lists_.size()));
  if (fresh) lists_.emplace_back();
  slot.list = static_cast<uint16_t>(place->second);
  return slot;
}

void Grammar::expand(const Section& section, int rule, Expansion& expansion,
                     std::string* out) const {
  CHECK(has(section, rule));
  const auto id = static_cast<size_t>(rule);
  const int32_t root = section.rules[id] >= 0 ? section.rules[id] : common_.rules[id];
  expand_node(root, section, expansion, out, 0);
}

void Grammar::expand_node(int32_t index, const Section& section, Expansion& expansion,
                          std::string* out, int depth) const {
  CHECK(depth < kDepthMax);
  const Node& node = nodes_[static_cast<size_t>(index)];
  switch (node.kind) {
    case Node::Kind::Literal:
      mix(&expansion.skeleton, node.literal);
      out->append(node.literal);
      return;
    case Node::Kind::Slot:
      mix(&expansion.skeleton, node.slot);
      expansion.speaker.say(node.slot, out);
      return;
    case Node::Kind::Rule: {
      CHECK(has(section, node.rule));
      const auto id = static_cast<size_t>(node.rule);
      const int32_t body = section.rules[id] >= 0 ? section.rules[id] : common_.rules[id];
      return expand_node(body, section, expansion, out, depth + 1);
    }
    case Node::Kind::Sequence:
      for (const int32_t child : node.children)
        expand_node(child, section, expansion, out, depth + 1);
      return;
    case Node::Kind::Choice: {
      const size_t count = node.children.size();
      const size_t pick = node.bound >= 0 ? expansion.bound[static_cast<size_t>(node.bound)] % count
                                          : static_cast<size_t>(expansion.rng.below(count));
      return expand_node(node.children[pick], section, expansion, out, depth + 1);
    }
  }
}

}  // namespace lab::synth
