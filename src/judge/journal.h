// The results of a run under way, each on the disk before it counts, so that a run that was killed
// goes on where it was. The first line says which run it is; a last line that was cut off is as if
// it had never been. Evidence is never made from a journal that is not whole.
#pragma once

#include <string>
#include <vector>

#include "files/files.h"
#include "judge/evidence.h"

namespace judge {

class Journal {
 public:
  // Opens the file, or starts it. JOURNAL_MISMATCH when it is of another suite, model, engine or
  // judge.
  static base::Result<Journal> open(const std::string& path, const Suite& suite,
                                    const Identity& identity);

  const std::vector<Record>& records() const { return records_; }  // that there were at open()
  base::Status append(const Record& record);                       // durable when it returns

 private:
  explicit Journal(files::AppendFile file) : file_(std::move(file)) {}
  files::AppendFile file_;
  std::vector<Record> records_;
};

// The whole lines of a journal's text after its first, as records. Malformed lines are refused.
struct JournalText {
  std::string header;
  std::vector<Record> records;
  size_t whole_bytes = 0;  // up to the end of the last whole line
};
base::Result<JournalText> parse_journal(std::string_view text);

}  // namespace judge
