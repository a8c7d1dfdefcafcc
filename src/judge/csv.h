// Comma-separated values as RFC 4180 and Python's csv module write them: quoted fields may hold
// commas, line ends and doubled quotation marks; a BOM in front is skipped.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace judge {

// Rows by the names of the first row. MALFORMED when a row has another number of fields, or a
// quotation mark stands where none may.
class CsvTable {
 public:
  static base::Result<CsvTable> parse(std::string_view text);
  size_t rows() const { return rows_.size(); }
  // Code::NotFound when there is no such column.
  base::Result<size_t> column(std::string_view name) const;
  const std::string& at(size_t row, size_t column) const { return rows_[row][column]; }

 private:
  std::vector<std::string> names_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace judge
