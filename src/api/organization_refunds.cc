// POST /v1/organization/refunds: gives a request's charge back to whom it was taken from.
#include "api/admin.h"
#include "journal/ledger.h"

namespace api {
namespace {

constexpr Field kRefundFields[] = {
    {.name = "request_id",
     .kinds = kString,
     .required = true,
     .min = 1,
     .max = 200,
     .summary = "as x-request-id had it"},
    {.name = "reason", .kinds = kString, .required = true, .min = 1, .max = 500}};

// A completion of several prompts has a charge for each: "req_…", "req_…-1", "req_…-2".
base::Result<money::Amount> refund_all(journal::Ledger& ledger, const std::string& request_id,
                                       const std::string& reason) {
  TRY(money::Amount sum, ledger.refund(request_id, reason));
  for (int prompt = 1;; ++prompt) {
    const auto more = ledger.refund(request_id + "-" + std::to_string(prompt), reason);
    if (!more && more.error().code == base::Code::NotFound) return sum;
    if (!more) return std::unexpected(more.error());
    const auto both = money::checked_add(sum, *more);
    if (!both) return base::fail(base::Code::TooLarge, "the refunds are too large", request_id);
    sum = *both;
  }
}

base::Result<json::Value> refunded(const Call& call) {
  TRY(const json::Value body, call.json_body());
  const std::string id = text_field(body, "request_id"), reason = text_field(body, "reason");
  const auto amount = refund_all(call.app->ledger, id, reason);
  if (!amount && amount.error().code == base::Code::NotFound) return no_item("charge", id);
  if (!amount) return std::unexpected(amount.error());
  identity::AuditEvent event;
  event.type = "request.refunded";
  event.org_id = call.caller.org_id;
  event.subject = id;
  event.details = json::Object{{"reason", reason}, {"amount_usd", amount->in_usd()}};
  event.actor = actor_of(call);
  TRY_VOID(call.app->identity.record(std::move(event)));
  return json::Object{{"object", "organization.refund"},
                      {"request_id", id},
                      {"amount_pico", amount->decimal()},
                      {"amount_usd", amount->in_usd()},
                      {"reason", reason}};
}

}  // namespace

const Schema kRefundBody{"RefundRequest", kRefundFields};

void create_refund(const Call& call) { answer(call, refunded(call)); }

}  // namespace api
