#include "cli/judge_models.h"

#include "files/files.h"
#include "govern/manifest.h"
#include "judge/evidence.h"
#include "kernels/isa.h"

namespace cli {
namespace {

constexpr uint64_t kResultsBytesMax = uint64_t{4} << 30;

base::Result<crypto::Digest> manifest_of(const model::ModelFiles& files) {
  govern::Manifest found;
  for (const auto& [name, file] : files.files) {
    if (govern::is_model_file(name)) found.files[name] = crypto::sha256(file->bytes());
  }
  if (const auto sealed = files.files.find(std::string(govern::kManifestFile));
      sealed != files.files.end()) {
    TRY(const govern::Manifest listed,
        govern::parse_manifest(base::as_text(sealed->second->bytes())));
    TRY_VOID(govern::check_files(listed, found.files));
  }
  return govern::manifest_digest(found);
}

}  // namespace

base::Result<JudgedModel> load_judged_model(const std::string& path, const std::string& name,
                                            int64_t threads) {
  JudgedModel out;
  TRY(const model::ModelFiles files, model::open_model(path));
  TRY(out.identity.manifest, manifest_of(files));
  TRY(auto model, model::Model::load(files));
  engine::Options options;
  options.threads = static_cast<int>(threads);
  TRY(out.engine, engine::Engine::start(std::move(model), options));
  out.identity.model = name.empty() ? files::base_name(path) : name;
  out.identity.engine =
      std::string(CHARTER_VERSION) + ' ' + std::string(kernels::isa_name(kernels::active_isa()));
  return out;
}

base::Result<std::string> suite_folder(const std::string& given) {
  if (files::is_directory(given)) return given;
  const std::string known = files::join("suites", given);
  if (files::is_directory(known)) return known;
  return base::fail(base::Code::NotFound,
                    "there is no such suite; name its folder, or one of the folders in suites/",
                    given);
}

base::Result<judge::Suite> load_suite(const std::string& given) {
  TRY(const std::string folder, suite_folder(given));
  return judge::load_suite(folder);
}

base::Result<judge::Checked> load_evidence(const judge::Suite& suite, const std::string& path) {
  constexpr std::string_view kEnding = ".evidence.json";
  if (!path.ends_with(kEnding)) {
    return base::fail(base::Code::InvalidArgument,
                      "evidence is named SUITE.evidence.json, with SUITE.results.jsonl beside it",
                      path);
  }
  TRY(const std::string evidence, files::read_file(path));
  const std::string results_path = path.substr(0, path.size() - kEnding.size()) + ".results.jsonl";
  TRY(const std::string results, files::read_file(results_path, kResultsBytesMax));
  return judge::check_evidence(suite, evidence, results);
}

}  // namespace cli
