#include "cli/act.h"

#include <cstdio>

#include "cli/house_options.h"
#include "files/files.h"

namespace cli {

ActOptions::ActOptions(Options* o)
    : as(o->text("--as", "")),
      key(o->text("--key", "")),
      out(o->text("--out", "")),
      data(o->text("--data", "")),
      options(*o) {}

base::Result<journal::House> ActOptions::open() const {
  return journal::House::open(data_folder(data));
}

base::Status finish_act(journal::House* house, base::Result<journal::House::Draft> draft,
                        const ActOptions& options, const std::string& channel) {
  if (!draft) return std::unexpected(draft.error());
  const std::string_view kind = govern::kind_name(draft->kind);
  if (!options.out.empty()) {
    TRY_VOID(files::write_atomic(options.out, govern::format_envelope(draft->envelope) + '\n'));
    std::fprintf(stderr, "%s is signed and not logged yet; `charter sign %s` goes on\n",
                 std::string(kind).c_str(), options.out.c_str());
    return {};
  }
  std::vector<journal::House::Draft> drafts;
  drafts.push_back(*std::move(draft));
  TRY(const auto logged, house->append(std::move(drafts), base::system_now()));
  const std::string now =
      channel.empty() ? "" : journal::describe_channel(*house, channel, base::system_now());
  if (options.options.json()) {
    print_json(json::Object{{"kind", kind},
                            {"leaf", static_cast<int64_t>(logged.back().leaf)},
                            {"sha256", crypto::hex(logged.back().sha256)},
                            {"channel", channel},
                            {"state", now}});
  } else {
    std::printf("entry %lu: %s\n%s%s", static_cast<unsigned long>(logged.back().leaf),
                std::string(kind).c_str(), now.c_str(), now.empty() ? "" : "\n");
  }
  return {};
}

}  // namespace cli
