#include "gateway/catalog.h"

#include <algorithm>

namespace gateway {

RouteMetrics route_metrics(telemetry::Registry& registry, std::string_view model) {
  const telemetry::Labels labels = {{"model", model}};
  return {registry.counter("charter_requests_total", "Requests admitted.", labels),
          registry.counter("charter_requests_failed_total",
                           "Requests that failed after they were admitted.", labels),
          registry.counter("charter_requests_cancelled_total", "Requests whose client went away.",
                           labels),
          registry.counter("charter_prompt_tokens_total", "Tokens read, as billed.", labels),
          registry.counter("charter_completion_tokens_total", "Tokens written, as billed.", labels),
          registry.histogram("charter_first_token_seconds", "From the request to its first token.",
                             labels),
          registry.histogram("charter_request_seconds",
                             "From the request to the durable end of its answer.", labels)};
}

Channel* ModelRoute::local() const {
  for (const Target& target : targets) {
    if (target.channel) return target.channel.get();
  }
  return nullptr;
}

Catalog::Catalog(std::vector<std::shared_ptr<const ModelRoute>> routes)
    : routes_(std::move(routes)) {
  std::ranges::sort(routes_, {},
                    [](const auto& route) -> const std::string& { return route->name; });
}

std::shared_ptr<const ModelRoute> Catalog::find(std::string_view name) const {
  const auto found = std::ranges::lower_bound(
      routes_, name, {}, [](const auto& route) { return std::string_view(route->name); });
  return found == routes_.end() || (*found)->name != name ? nullptr : *found;
}

std::shared_ptr<const Catalog> CatalogHolder::get() const {
  struct Copy {
    uint64_t version = 0;
    std::weak_ptr<const Catalog> catalog;
  };
  thread_local Copy copy;
  const uint64_t version = version_.load(std::memory_order_acquire);
  if (copy.version == version) {
    if (auto catalog = copy.catalog.lock()) return catalog;
  }
  const std::lock_guard lock(mutex_);
  copy = {version_.load(std::memory_order_relaxed), catalog_};
  return catalog_;
}

void CatalogHolder::set(std::shared_ptr<const Catalog> catalog) {
  static std::atomic<uint64_t> versions{0};
  const std::lock_guard lock(mutex_);
  catalog_.swap(catalog);  // the old one goes after the lock
  version_.store(versions.fetch_add(1) + 1, std::memory_order_release);
}

}  // namespace gateway
