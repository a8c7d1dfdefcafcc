#include "net/multipart.h"

#include <string.h>

#include <algorithm>
#include <utility>

#include "base/utf8.h"
#include "net/http.h"

namespace net {
namespace {

using base::Code;

std::unexpected<base::Error> malformed(std::string message, std::string_view name = {}) {
  return base::fail(Code::Malformed, "The form is malformed: " + std::move(message),
                    std::string(name));
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool has_control(std::string_view text) {
  return std::ranges::any_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

struct Parameter {
  std::string name;  // lower case
  std::string value;
};

// Takes one `; name=value` or `; name="value"` off the front of *text. In quotes only \" and \\ are
// escapes: a Windows path keeps its backslashes.
bool take_parameter(std::string_view* text, Parameter* out) {
  std::string_view rest = trim(*text);
  if (!rest.starts_with(';')) return false;
  rest = trim(rest.substr(1));
  const size_t equals = rest.find('=');
  if (equals == std::string_view::npos || equals == 0) return false;
  for (const char c : trim(rest.substr(0, equals))) out->name += lower(c);
  rest = trim(rest.substr(equals + 1));
  if (!rest.starts_with('"')) {
    const size_t end = std::min(rest.find(';'), rest.size());
    out->value = trim(rest.substr(0, end));
    *text = rest.substr(end);
    return !out->value.empty() && out->value.find('"') == std::string::npos;
  }
  for (size_t i = 1; i < rest.size(); ++i) {
    if (rest[i] == '"') {
      *text = trim(rest.substr(i + 1));
      return text->empty() || text->starts_with(';');
    }
    const bool escape =
        rest[i] == '\\' && i + 1 < rest.size() && (rest[i + 1] == '"' || rest[i + 1] == '\\');
    if (escape) ++i;
    out->value += rest[i];
  }
  return false;  // the quotes do not end
}

// "text/plain; a=b; c=\"d\"" → the type, and its parameters, each at most once.
bool split_value(std::string_view value, std::string_view* type, std::vector<Parameter>* out) {
  const size_t end = std::min(value.find(';'), value.size());
  *type = trim(value.substr(0, end));
  value.remove_prefix(end);
  while (!trim(value).empty()) {
    Parameter parameter;
    if (!take_parameter(&value, &parameter)) return false;
    if (std::ranges::find(*out, parameter.name, &Parameter::name) != out->end()) return false;
    out->push_back(std::move(parameter));
  }
  return true;
}

base::Result<std::string> boundary_of(std::string_view content_type) {
  std::string_view type;
  std::vector<Parameter> parameters;
  if (!split_value(content_type, &type, &parameters) ||
      !equals_ignoring_case(type, "multipart/form-data"))
    return base::fail(Code::InvalidArgument,
                      "The Content-Type must be multipart/form-data with a boundary.");
  const auto at = std::ranges::find(parameters, "boundary", &Parameter::name);
  const bool good = at != parameters.end() && !at->value.empty() && at->value.size() <= 70 &&
                    at->value.back() != ' ' && std::ranges::all_of(at->value, [](char c) {
                      return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') ||
                             std::string_view("'()+_,-./:=? ").find(c) != std::string_view::npos;
                    });  // RFC 2046 5.1.1
  if (!good) return base::fail(Code::InvalidArgument, "The Content-Type has no usable boundary.");
  return at->value;
}

// RFC 8187: UTF-8''percent%20encoded.
bool decode_extended(std::string_view value, std::string* out) {
  const size_t first = value.find('\'');
  const size_t second = first == std::string_view::npos ? first : value.find('\'', first + 1);
  if (second == std::string_view::npos) return false;
  return equals_ignoring_case(value.substr(0, first), "UTF-8") &&
         decode_percent(value.substr(second + 1), out);
}

base::Status read_disposition(std::string_view value, FormPart* part) {
  std::string_view type;
  std::vector<Parameter> parameters;
  if (!split_value(value, &type, &parameters) || !equals_ignoring_case(type, "form-data"))
    return malformed("a part's Content-Disposition is not form-data with well-formed parameters.");
  bool extended = false;
  for (const Parameter& parameter : parameters) {
    if (parameter.name == "name") part->name = parameter.value;
    if (parameter.name == "filename" && !extended) part->filename = parameter.value;
    if (parameter.name == "filename*") {
      extended = decode_extended(parameter.value, &part->filename.emplace());
      if (!extended) return malformed("a part's filename* is not UTF-8''text.");
    }
  }
  if (part->name.empty()) return malformed("a part has no name.");
  if (part->filename) part->filename->erase(0, part->filename->find_last_of("/\\") + 1);
  for (const std::string& text : {part->name, part->filename.value_or("")}) {
    if (has_control(text) || !base::is_utf8(text))
      return malformed("a name or file name is not UTF-8 without control characters.");
  }
  return {};
}

base::Status read_part_head(std::string_view head, FormPart* part) {
  bool has_disposition = false, has_type = false;
  while (!head.empty()) {
    const size_t end = std::min(head.find("\r\n"), head.size());
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(std::min(end + 2, head.size()));
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0 || line.front() == ' ' ||
        line.front() == '\t' || has_control(line.substr(0, colon)) ||
        line.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos)
      return malformed("a line of a part's head is not \"Name: value\".");
    const std::string_view name = line.substr(0, colon), value = trim(line.substr(colon + 1));
    if (equals_ignoring_case(name, "content-disposition")) {
      if (std::exchange(has_disposition, true))
        return malformed("a part has more than one Content-Disposition.");
      TRY_VOID(read_disposition(value, part));
    } else if (equals_ignoring_case(name, "content-type")) {
      if (std::exchange(has_type, true) || has_control(value))
        return malformed("a part's Content-Type is not usable.", part->name);
      part->content_type = value;
    } else if (equals_ignoring_case(name, "content-transfer-encoding")) {
      const bool plain = equals_ignoring_case(value, "binary") ||
                         equals_ignoring_case(value, "8bit") || equals_ignoring_case(value, "7bit");
      if (!plain) return malformed("a part's Content-Transfer-Encoding is not binary.", part->name);
    }
  }
  if (!has_disposition) return malformed("a part has no Content-Disposition.");
  return {};
}

size_t find_bytes(std::string_view text, std::string_view wanted) {
  const void* at = memmem(text.data(), text.size(), wanted.data(), wanted.size());
  return at ? static_cast<size_t>(static_cast<const char*>(at) - text.data())
            : std::string_view::npos;
}

// One part, its head and body, off the front of *rest, up to the delimiter after it.
base::Result<FormPart> take_part(std::string_view* rest, std::string_view delimiter,
                                 const FormLimits& limits) {
  const std::string_view start = rest->substr(0, limits.part_head_bytes_max + 4);
  const size_t head_end = find_bytes(start, "\r\n\r\n");
  if (head_end == std::string_view::npos) {
    if (start.size() < rest->size())
      return base::fail(Code::TooLarge, "The head of a part of the form is larger than " +
                                            std::to_string(limits.part_head_bytes_max) + " bytes.");
    return malformed("it breaks off in the head of a part.");
  }
  FormPart part;
  TRY_VOID(read_part_head(rest->substr(0, head_end), &part));
  rest->remove_prefix(head_end + 2);  // the line break before a delimiter belongs to it
  const size_t end = find_bytes(*rest, delimiter);
  if (end == std::string_view::npos)
    return malformed("it breaks off in the part \"" + part.name + "\".", part.name);
  part.body = end == 0 ? std::string_view() : rest->substr(2, end - 2);
  if (!part.filename && part.body.size() > limits.field_bytes_max)
    return base::fail(Code::TooLarge,
                      "The field \"" + part.name + "\" of the form is larger than " +
                          std::to_string(limits.field_bytes_max) + " bytes.",
                      part.name);
  rest->remove_prefix(end + delimiter.size());
  return part;
}

}  // namespace

base::Result<std::vector<FormPart>> parse_multipart(std::string_view content_type,
                                                    std::string_view body,
                                                    const FormLimits& limits) {
  TRY(const std::string boundary, boundary_of(content_type));
  const std::string delimiter = "\r\n--" + boundary;
  if (!body.starts_with(std::string_view(delimiter).substr(2)))
    return malformed("it does not begin with its boundary.");
  body.remove_prefix(delimiter.size() - 2);
  std::vector<FormPart> parts;
  while (!body.starts_with("--")) {
    if (!body.starts_with("\r\n"))
      return malformed(body.size() < 2 ? "it breaks off in a boundary."
                                       : "a boundary is followed by other text.");
    body.remove_prefix(2);
    if (parts.size() == limits.parts_max)
      return base::fail(Code::TooLarge,
                        "The form has more than " + std::to_string(limits.parts_max) + " parts.");
    TRY(parts.emplace_back(), take_part(&body, delimiter, limits));
  }
  body.remove_prefix(2);
  if (!body.empty() && body != "\r\n") return malformed("there are bytes after its end.");
  return parts;
}

const FormPart* find_part(const std::vector<FormPart>& parts, std::string_view name) {
  const auto at = std::ranges::find(parts, name, &FormPart::name);
  return at == parts.end() ? nullptr : &*at;
}

}  // namespace net
