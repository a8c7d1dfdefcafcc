#include "gateway/provider_query.h"

#include <algorithm>

#include "base/log.h"

namespace gateway {

void ProviderQuery::start(Plan plan) {
  const std::shared_ptr<ProviderQuery> query(new ProviderQuery(std::move(plan)));
  query->last_error_ = {base::Code::Unavailable,
                        "No provider of this model can be asked at the moment. Please try again "
                        "later.",
                        "upstream_failed",
                        {},
                        {}};
  query->ask_next();
}

void ProviderQuery::ask_next() {
  const int64_t now = base::monotonic_ns();
  while (next_ < plan_.order.size()) {
    target_ = plan_.order[next_++];
    if (!target_->health->may_try(now)) continue;
    status_ = 0;
    body_.clear();
    target_->metrics->requests.add();
    WireCall call = plan_.write(*target_);
    const Upstream& upstream = *target_->upstream;
    upstream.client().send(upstream.request(call.path, std::move(call.body), plan_.traceparent),
                           shared_from_this());
    return;
  }
  plan_.done(std::unexpected(last_error_));
}

void ProviderQuery::head(int status, const std::vector<net::Header>& headers) {
  status_ = status;
  const auto value = [&](std::string_view name) {
    const auto found = std::ranges::find(headers, name, &net::Header::name);
    return found == headers.end() ? std::string_view() : std::string_view(found->value);
  };
  retry_after_ = parse_retry_after(value("retry-after-ms"), value("retry-after"));
}

// The client bounds how much may come.
void ProviderQuery::data(std::string_view bytes) { body_ += bytes; }

std::optional<Failure> ProviderQuery::read_answer(const base::Status& status) {
  const Upstream& upstream = *target_->upstream;
  if (!status) return failure_of(upstream, status.error());
  if (status_ < 200 || status_ > 299)
    return failure_of(upstream, read_provider_error(status_, body_), retry_after_);
  if (const base::Status read = plan_.read(*target_, body_); !read)
    return failure_of(upstream, read.error());
  return {};
}

void ProviderQuery::end(const base::Status& status) {
  const int64_t now = base::monotonic_ns();
  const std::optional<Failure> failure = read_answer(status);
  if (!failure) {
    target_->health->succeeded(now);
    return plan_.done(target_);
  }
  base::log(base::Level::Warn, "upstream failed",
            {{"request_id", plan_.request_id},
             {"upstream", target_->upstream->name()},
             {"model", target_->model},
             {"status", status_},
             {"error", failure->error.message}});
  target_->metrics->failures.add();
  if (failure->at_fault)
    target_->health->failed(now);
  else
    target_->health->let_go();
  last_error_ = failure->error;
  if (!failure->elsewhere) return plan_.done(std::unexpected(last_error_));
  ask_next();
}

}  // namespace gateway
