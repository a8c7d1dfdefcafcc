#include "judge/journal.h"

namespace judge {
namespace {

constexpr uint64_t kJournalBytesMax = uint64_t{4} << 30;

std::string header_of(const Suite& suite, const Identity& identity) {
  return json::canonical(json::Object{
      {"format", "charter-run/v1"},
      {"suite", suite.name},
      {"definition", crypto::hex(suite.definition)},
      {"manifest", crypto::hex(identity.manifest)},
      {"engine", identity.engine},
      {"calibration", identity.calibration ? crypto::hex(*identity.calibration) : ""}});
}

}  // namespace

base::Result<JournalText> parse_journal(std::string_view text) {
  JournalText out;
  for (bool first = true;; first = false) {
    const size_t end = text.find('\n', out.whole_bytes);
    if (end == text.npos) return out;  // the line that was being written when the run ended
    const std::string_view line = text.substr(out.whole_bytes, end - out.whole_bytes);
    if (first) {
      out.header = line;
    } else {
      TRY(Record record, parse_record(line));
      out.records.push_back(std::move(record));
    }
    out.whole_bytes = end + 1;
  }
}

base::Result<Journal> Journal::open(const std::string& path, const Suite& suite,
                                    const Identity& identity) {
  TRY(files::AppendFile file, files::AppendFile::open(path));
  Journal out(std::move(file));
  const std::string header = header_of(suite, identity);
  JournalText read;
  if (out.file_.size() > 0) {
    TRY(const std::string text, files::read_file(path, kJournalBytesMax));
    auto parsed = parse_journal(text);
    if (!parsed)
      return base::wrap(parsed.error(),
                        "the journal of an earlier start is damaged; remove it to start again",
                        path);
    read = *std::move(parsed);
  }
  if (!read.header.empty() && read.header != header)
    return base::fail(base::Code::FailedPrecondition,
                      "there is the journal of another run: of another suite, model, engine or "
                      "judge; end that run, or remove its journal",
                      path, "JOURNAL_MISMATCH");
  if (read.whole_bytes < out.file_.size()) TRY_VOID(out.file_.truncate(read.whole_bytes));
  if (read.header.empty()) {
    TRY_VOID(out.file_.append(header + '\n'));
    TRY_VOID(out.file_.sync());
    TRY_VOID(files::sync_directory(files::parent(path)));
  }
  out.records_ = std::move(read.records);
  return out;
}

base::Status Journal::append(const Record& record) {
  TRY_VOID(file_.append(print_record(record) + '\n'));
  return file_.sync();
}

}  // namespace judge
