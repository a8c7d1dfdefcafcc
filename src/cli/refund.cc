// charter refund: gives a request's charge back, whether the server runs or not.
#include <cstdio>

#include "cli/house_options.h"
#include "cli/operate.h"

namespace cli {
namespace {

base::Status run_refund(std::span<const std::string> arguments) {
  Options options("refund");
  const auto& request = options.positional("REQUEST");
  const auto& data = options.text("--data", "");
  const auto& reason = options.text("--reason", "refunded by the operator");
  TRY_VOID(options.parse(arguments));
  TRY(const auto control, open_control(data));
  TRY(const json::Value made,
      control->post("/v1/organization/refunds",
                    json::Object{{"request_id", request}, {"reason", reason}}));
  if (options.json())
    print_json(made);
  else
    std::printf("$%s\n", made["amount_usd"].as_string().c_str());
  return {};
}

}  // namespace

extern const Command kRefundCommand;
const Command kRefundCommand = {
    "refund", "gives a request's charge back",
    "usage: charter refund REQUEST [--reason TEXT] [--data DIR] [--json]\n\n"
    "REQUEST is the id that the answer had (x-request-id, req_…). All that it cost goes back to "
    "the "
    "organization and its\n"
    "budgets, as a row of its own in the ledger; what a builder had of it is taken back. Prints "
    "what was given back now:\n"
    "a second time, nothing. Works on a running server (through DATA/control.sock) and on a folder "
    "whose server is\n"
    "stopped.\n",
    run_refund};

}  // namespace cli
