// What a proposal is about: the fields that each action's subject has, all of them and no other.
#include <algorithm>
#include <array>

#include "govern/refusal.h"
#include "govern/statement_fields.h"

namespace govern {
namespace {

using base::Result;
using base::Status;
using json::Value;

using fields::digest;
using fields::number;

constexpr size_t kFieldsMax = 2;
struct SubjectFields {
  std::string_view action;
  std::array<std::string_view, kFieldsMax> fields;
};
constexpr std::array kSubjects =
    std::to_array<SubjectFields>({{"charter.amend", {"text", "witness_policy"}},
                                  {"charter.restrict", {"text", "witness_policy"}},
                                  {"person.remove_executive", {"person", "body"}},
                                  {"person.suspend_executive", {"person", "body"}},
                                  {"fill_seat", {"person", "body"}},
                                  {"key.recover", {"person", "vkey"}},
                                  {"weights.export", {"manifest", "to"}},
                                  {"payout", {"to", "micro_usd"}},
                                  {"motion", {"text"}}});

const SubjectFields* fields_of(std::string_view action) {
  const auto found = std::ranges::find(kSubjects, action, &SubjectFields::action);
  return found == kSubjects.end() ? nullptr : &*found;
}

// The text fields by name; null for the others.
template <class S>
auto text_field(S& subject, std::string_view name) -> decltype(&subject.person) {
  if (name == "person") return &subject.person;
  if (name == "body") return &subject.body;
  if (name == "vkey") return &subject.vkey;
  if (name == "to") return &subject.to;
  if (name == "text") return &subject.text;
  if (name == "witness_policy") return &subject.witness_policy;
  return nullptr;
}

Status read_field(const Value& value, std::string_view name, Subject* out) {
  if (std::string* text = text_field(*out, name)) {
    TRY(*text, json::get_string(value, name));
  } else if (name == "manifest") {
    TRY(out->manifest, get_digest(value, name));
  } else {
    TRY(out->micro_usd, get_decimal(value, name));
  }
  return {};
}

}  // namespace

bool has_subject(std::string_view action) { return fields_of(action) != nullptr; }

json::Value subject_to_json(std::string_view action, const Subject& subject) {
  json::Object object;
  const SubjectFields* known = fields_of(action);
  if (known == nullptr) return object;
  for (const std::string_view name : known->fields) {
    if (name.empty()) continue;
    Value value;
    if (const std::string* text = text_field(subject, name)) {
      value = *text;
    } else if (name == "manifest") {
      value = digest(subject.manifest);
    } else {
      value = number(subject.micro_usd);
    }
    object.emplace_back(std::string(name), std::move(value));
  }
  return object;
}

Result<Subject> subject_from_json(std::string_view action, const Value& value) {
  const SubjectFields* known = fields_of(action);
  if (known == nullptr) return malformed("no such action can be proposed", std::string(action));
  for (const auto& [name, unused] : value.as_object()) {
    if (std::ranges::find(known->fields, name) == known->fields.end())
      return base::fail(base::Code::InvalidArgument, "unknown field '" + name + "'", name,
                        "UNKNOWN_FIELD");
  }
  Subject subject;
  for (const std::string_view name : known->fields) {
    if (!name.empty()) TRY_VOID(read_field(value, name, &subject));
  }
  return subject;
}

}  // namespace govern
