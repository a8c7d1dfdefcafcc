#include "judge/csv.h"

#include <algorithm>

#include "base/utf8.h"

namespace judge {
namespace {

std::unexpected<base::Error> malformed(std::string message, size_t row) {
  return base::fail(base::Code::Malformed, std::move(message), "row " + std::to_string(row),
                    "CSV_MALFORMED");
}

// One field, and in *end what ended it: ',' '\n', or '\0' at the end of the text.
base::Result<std::string> read_field(std::string_view* text, size_t row, char* end) {
  std::string out;
  if (text->starts_with('"')) {
    text->remove_prefix(1);
    for (;;) {
      const size_t quote = text->find('"');
      if (quote == text->npos) return malformed("a quoted field has no end", row);
      out += text->substr(0, quote);
      text->remove_prefix(quote + 1);
      if (!text->starts_with('"')) break;
      out += '"';
      text->remove_prefix(1);
    }
  } else {
    const size_t stop = text->find_first_of(",\"\r\n");
    out = text->substr(0, stop);
    text->remove_prefix(std::min(stop, text->size()));
  }
  if (text->starts_with('\r')) text->remove_prefix(1);
  *end = text->empty() ? '\0' : text->front();
  if (*end != '\0' && *end != ',' && *end != '\n')
    return malformed("a field goes on after its quotation mark, or has one within", row);
  if (*end != '\0') text->remove_prefix(1);
  return out;
}

}  // namespace

base::Result<CsvTable> CsvTable::parse(std::string_view text) {
  if (!base::is_utf8(text)) return malformed("the file is not UTF-8", 0);
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  CsvTable out;
  for (size_t row = 0; !text.empty(); ++row) {
    std::vector<std::string> fields;
    for (char end = ',';;) {
      TRY(std::string field, read_field(&text, row, &end));
      fields.push_back(std::move(field));
      if (end != ',') break;
    }
    if (row == 0) {
      out.names_ = std::move(fields);
      continue;
    }
    if (fields.size() != out.names_.size())
      return malformed("the row has " + std::to_string(fields.size()) + " fields, the first one " +
                           std::to_string(out.names_.size()),
                       row);
    out.rows_.push_back(std::move(fields));
  }
  if (out.names_.empty()) return malformed("the file is empty", 0);
  return out;
}

base::Result<size_t> CsvTable::column(std::string_view name) const {
  for (size_t i = 0; i < names_.size(); ++i) {
    if (names_[i] == name) return i;
  }
  return base::fail(base::Code::NotFound, "the table has no such column", std::string(name));
}

}  // namespace judge
