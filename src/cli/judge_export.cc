// `charter judge export` and the import of other harnesses' results.
#include <cstdio>

#include "cli/command.h"
#include "cli/house_options.h"
#include "cli/judge_commands.h"
#include "cli/judge_models.h"
#include "files/files.h"
#include "judge/interchange.h"

namespace cli {
namespace {

constexpr uint64_t kBytesMax = uint64_t{1} << 30;

base::Result<std::vector<judge::ExportedFile>> export_as(const std::string& format,
                                                         const judge::Suite& suite,
                                                         const judge::Checked& checked) {
  if (format == "lm-eval") return judge::export_lm_eval(suite, checked);
  if (format == "inspect") return std::vector{judge::export_inspect(suite, checked)};
  if (format == "inspect-eval") return std::vector{judge::export_inspect_eval(suite, checked)};
  return base::fail(base::Code::InvalidArgument,
                    "there is no such format; use lm-eval, inspect or inspect-eval", format);
}

// results_TIME.json has samples_TASK_TIME.jsonl beside it.
base::Result<std::string> samples_beside(const std::string& results) {
  const std::string name = files::base_name(results);
  const size_t mark = name.find('_');
  const std::string ending =
      mark == name.npos ? "" : name.substr(mark, name.size() - mark - 5) + ".jsonl";
  std::string found;
  TRY(const auto names, files::list_files(files::parent(results)));
  for (const std::string& each : names) {
    if (ending.empty() || !each.starts_with("samples_") || !each.ends_with(ending)) continue;
    if (!found.empty())
      return base::fail(base::Code::InvalidArgument,
                        "the run has several tasks; import runs of one task", results);
    found = files::join(files::parent(results), each);
  }
  if (found.empty())
    return base::fail(base::Code::NotFound,
                      "the samples are not beside the results; run lm-eval with --log_samples",
                      results, "EVIDENCE_INCOMPLETE");
  return found;
}

}  // namespace

base::Status judge_export(std::span<const std::string> arguments) {
  Options options("judge");
  const std::string& format = options.positional("FORMAT");
  const std::string& evidence = options.positional("EVIDENCE");
  const std::vector<std::string>& suites = options.list("--suite");
  const std::string& out = options.text("--out", "");
  TRY_VOID(options.parse(arguments));
  if (suites.size() != 1 || out.empty())
    return base::fail(base::Code::InvalidArgument,
                      "name the one suite of the evidence with --suite, and the folder --out",
                      "judge");
  TRY(const judge::Suite suite, load_suite(suites.front()));
  TRY(const judge::Checked checked, load_evidence(suite, evidence));
  TRY(const auto exported, export_as(format, suite, checked));
  TRY_VOID(files::make_directories(out));
  for (const judge::ExportedFile& file : exported) {
    const std::string path = files::join(out, file.name);
    TRY_VOID(files::write_atomic(path, file.bytes));
    std::printf("%s\n", path.c_str());
  }
  return {};
}

base::Status judge_import_results(const std::string& format, const std::string& path,
                                  const std::string& out) {
  TRY(const std::string bytes, files::read_file(path, kBytesMax));
  judge::ImportedResult result;
  if (format == "inspect") {
    TRY(result, judge::import_inspect(bytes));
  } else {
    TRY(const std::string samples_path, samples_beside(path));
    TRY(const std::string samples, files::read_file(samples_path, kBytesMax));
    TRY(result, judge::import_lm_eval(bytes, samples));
  }
  TRY_VOID(files::make_directories(out));
  TRY_VOID(files::write_atomic(files::join(out, result.task + ".imported.json"),
                               judge::print_import(result)));
  std::printf(
      "%s: %.1f %% of %ld samples, true mean between %.1f %% and %.1f %%; checked, and not "
      "evidence: the format names no weights\n",
      result.task.c_str(), 100 * result.mean, result.samples, 100 * result.bounds.lower,
      100 * result.bounds.upper);
  return {};
}

}  // namespace cli
