// Local releases behind the gateway: tools, formats, echo, best_of, embeddings, falling over to
// one, and releases that change under running answers.
#include <gtest/gtest.h>

#include <cmath>
#include <future>

#include "gateway/release_folder.h"
#include "gateway/testing_house.h"
#include "gateway/testing_upstream.h"

namespace gateway {
namespace {

using namespace testing;

engine::Options small_engine() {
  engine::Options options;
  options.threads = 1;
  options.kv_bytes_max = 8 << 20;
  options.max_batch = 8;
  return options;
}

class LocalAnswers : public testing::UpstreamTest {
 protected:
  LocalAnswers() {
    data_ = files::join(folder_.path(), "data");
    testing::release_tiny_model(data_, "tiny", clock_.now(), 11, 1024);
    releases_.emplace(files::join(data_, "models"), files::join(data_, "charter/previous"),
                      small_engine());
    refresh();
  }
  ~LocalAnswers() override {
    gateway_->cancel_all();
    EXPECT_TRUE(gateway_->wait(base::seconds(20)));
    gateway_->directory().set_releases({});
  }
  void refresh() {
    const journal::House house = journal::House::open_to_read(data_).value();
    gateway_->directory().set_releases(releases_->refresh(house, clock_.now()).channels);
  }
  Generation local_question(int64_t max_tokens = 24) {
    Generation generation = question(max_tokens);
    generation.model = "tiny";
    generation.sampling.seed = 5;
    return generation;
  }

  std::string data_;
  std::optional<ReleaseFolder> releases_;
};

TEST_F(LocalAnswers, FormatsAreKept) {
  Generation generation = local_question(120);
  generation.format.kind = OutputFormat::Kind::JsonSchema;
  generation.format.strict = true;
  generation.format.schema =
      json::parse(R"({"type":"object","properties":{"a":{"type":"boolean"}},"required":["a"],)"
                  R"("additionalProperties":false})")
          .value();
  const auto listener = ask(std::move(generation));
  const End& end = listener->wait();
  ASSERT_FALSE(end.error) << end.error->text();
  EXPECT_EQ(end.finishes, std::vector{Finish::Stop}) << listener->text;
  const auto value = json::parse(listener->text);
  ASSERT_TRUE(value) << listener->text;
  EXPECT_TRUE((*value)["a"].is_bool());
}

TEST_F(LocalAnswers, AForcedCallIsACallFromItsFirstToken) {
  for (const ToolChoice choice : {ToolChoice::Required, ToolChoice::Named}) {
    Generation generation = local_question(200);
    generation.tools = {
        {.name = "f",
         .parameters = json::parse(R"({"type":"object","properties":{"x":{"type":"boolean"}},)"
                                   R"("required":["x"],"additionalProperties":false})")
                           .value(),
         .strict = true}};
    generation.tool_choice = choice;
    generation.tool_name = "f";
    generation.parallel_tool_calls = false;
    const auto listener = ask(std::move(generation));
    const End& end = listener->wait();
    ASSERT_FALSE(end.error) << end.error->text();
    ASSERT_EQ(end.finishes.size(), 1u);
    EXPECT_EQ(listener->text, "");
    EXPECT_EQ(end.finishes[0], choice == ToolChoice::Named ? Finish::Stop : Finish::ToolCalls);
    std::string name, id, arguments;
    for (const Delta& delta : listener->deltas) {
      for (const ToolCallDelta& call : delta.tool_calls) {
        EXPECT_EQ(call.index, 0);
        name += call.name;
        id += call.id;
        arguments += call.arguments;
      }
    }
    EXPECT_EQ(name, "f");
    EXPECT_TRUE(id.starts_with("call_"));
    const auto value = json::parse(arguments);
    ASSERT_TRUE(value) << arguments;
    EXPECT_TRUE((*value)["x"].is_bool());
  }
}

TEST_F(LocalAnswers, EchoScoresAPromptWithoutGenerating) {
  Generation generation = local_question(0);
  generation.input = std::string("one two");
  generation.echo = true;
  generation.sampling.logprobs = true;
  generation.sampling.top_logprobs = 2;
  const auto listener = ask(std::move(generation));
  const End& end = listener->wait();
  ASSERT_FALSE(end.error) << end.error->text();
  EXPECT_EQ(listener->text, "one two");
  EXPECT_EQ(end.usage.completion, 0);
  std::string joined;
  std::vector<TokenProbability> tokens;
  for (const Delta& delta : listener->deltas)
    tokens.insert(tokens.end(), delta.tokens.begin(), delta.tokens.end());
  ASSERT_GE(tokens.size(), 2u);
  for (const TokenProbability& token : tokens) joined += token.bytes;
  EXPECT_EQ(joined, "one two");
  EXPECT_FALSE(tokens[0].logprob);
  for (size_t i = 1; i < tokens.size(); ++i) {
    ASSERT_TRUE(tokens[i].logprob);
    EXPECT_LT(*tokens[i].logprob, 0);
    EXPECT_EQ(tokens[i].top.size(), 2u);
  }
}

TEST_F(LocalAnswers, OfSeveralTheLikeliestIsReturned) {
  Generation generation = local_question(8);
  generation.input = std::string("one");
  generation.best_of = 4;
  const auto listener = ask(std::move(generation));
  const End& end = listener->wait();
  ASSERT_FALSE(end.error) << end.error->text();
  EXPECT_EQ(end.finishes.size(), 1u);
  EXPECT_GT(end.usage.completion, 8);  // all that ran are billed
  EXPECT_LE(end.usage.completion, 32);
  for (const Delta& delta : listener->deltas) EXPECT_TRUE(delta.tokens.empty());
}

TEST_F(LocalAnswers, EmbeddingsAreOfUnitLengthAndShortened) {
  for (const std::optional<int64_t> dimensions :
       {std::optional<int64_t>(), std::optional<int64_t>(4)}) {
    EmbeddingRequest request;
    request.request_id = "req_embed_" + std::to_string(dimensions.value_or(0));
    request.model = "tiny";
    for (int i = 0; i < 40; ++i) request.inputs.emplace_back("text " + std::to_string(i));
    request.dimensions = dimensions;
    request.received_ns = base::monotonic_ns();
    std::promise<base::Result<Embeddings>> promise;
    gateway_->embed(caller_, std::move(request),
                    [&](base::Result<Embeddings> result) { promise.set_value(std::move(result)); });
    const auto result = promise.get_future().get();
    ASSERT_TRUE(result) << result.error().text();
    ASSERT_EQ(result->vectors.size(), 40u);
    EXPECT_GT(result->usage.prompt, 40);
    for (const auto& vector : result->vectors) {
      if (dimensions) EXPECT_EQ(vector.size(), 4u);
      double sum = 0;
      for (const float number : vector) sum += double{number} * double{number};
      EXPECT_NEAR(sum, 1, 1e-4);
    }
    EXPECT_EQ(last_row().usage.kind, journal::UsageKind::Embeddings);
  }
}

TEST_F(LocalAnswers, AProvidersEmbeddingsAndModerationsComeThrough) {
  route({add_server([](net::RawServer::Peer& peer, const std::string& request) {
    const bool moderation = request.starts_with("POST /v1/moderations");
    return peer.send(answer(
        200, "application/json",
        moderation
            ? R"({"id":"modr-1","model":"their","results":[{"flagged":false}]})"
            : R"({"data":[{"index":1,"embedding":[0,1]},{"index":0,"embedding":"AACAPwAAAAA="}],)"
              R"("usage":{"prompt_tokens":4}})"));
  })});
  EmbeddingRequest request;
  request.request_id = "req_e";
  request.model = "m";
  request.inputs = {"a", "b"};
  std::promise<base::Result<Embeddings>> embedded;
  gateway_->embed(caller_, std::move(request),
                  [&](base::Result<Embeddings> result) { embedded.set_value(std::move(result)); });
  const auto result = embedded.get_future().get();
  ASSERT_TRUE(result) << result.error().text();
  EXPECT_EQ(result->vectors, (std::vector<std::vector<float>>{{1, 0}, {0, 1}}));
  EXPECT_EQ(result->usage.prompt, 4);

  std::promise<base::Result<json::Value>> moderated;
  gateway_->moderate(
      caller_, "req_m", json::Object{{"model", "m"}, {"input", "x"}},
      [&](base::Result<json::Value> value) { moderated.set_value(std::move(value)); });
  const auto moderation = moderated.get_future().get();
  ASSERT_TRUE(moderation) << moderation.error().text();
  EXPECT_EQ((*moderation)["model"], json::Value("m"));
  EXPECT_EQ((*moderation)["results"].as_array().size(), 1u);
}

TEST_F(LocalAnswers, ADeadProviderFallsOverToALocalRelease) {
  route({dead_url()}, [](RouteOptions* options) {
    options->targets.push_back({.release = "tiny", .priority = 1});
  });
  Generation generation = question(8);
  const auto listener = ask(std::move(generation));
  const End& end = listener->wait();
  EXPECT_FALSE(end.error);
  EXPECT_NE(end.answerer.channel, nullptr);
  EXPECT_EQ(last_row().usage.model, "m");
  EXPECT_EQ(last_row().usage.release_id, end.answerer.release_id);
}

TEST_F(LocalAnswers, ACutStreamGoesOnAtALocalRelease) {
  route({add_server([](net::RawServer::Peer& peer, const std::string&) {
          peer.send(stream_head() + chunked(piece("one")));
          return false;
        })},
        [](RouteOptions* options) {
          options->targets.push_back({.release = "tiny", .priority = 1});
        });
  const auto listener = ask(question(8));
  const End& end = listener->wait();
  EXPECT_FALSE(end.error);
  EXPECT_TRUE(end.continued);
  EXPECT_TRUE(listener->text.starts_with("one"));
  EXPECT_EQ(listener->starts, 1);
}

TEST_F(LocalAnswers, ANewReleaseAnswersWhileOldAnswersGoOn) {
  const std::string old_release = gateway_->catalog()->find("tiny")->local()->release().id;
  Generation generation = local_question(200);
  generation.sampling.logit_bias = {};
  const auto listener = ask(std::move(generation));
  testing::release_tiny_model(data_, "tiny", clock_.now(), 12);
  testing::release_tiny_model(data_, "more", clock_.now(), 13);
  refresh();
  const std::string new_release = gateway_->catalog()->find("tiny")->local()->release().id;
  EXPECT_NE(new_release, old_release);
  EXPECT_NE(gateway_->catalog()->find("more"), nullptr);
  EXPECT_EQ(listener->wait().answerer.release_id, old_release);
  EXPECT_FALSE(listener->result.error);
  const auto fresh = ask(local_question());
  EXPECT_EQ(fresh->wait().answerer.release_id, new_release);
}

TEST_F(LocalAnswers, RatesAreTakenAndTold) {
  auto limits = std::make_shared<identity::EffectiveLimits>();
  limits->rows.push_back({identity::ScopeKind::Key, "key_1", "", {.requests_per_minute = 2}, {}});
  caller_.limits = limits;
  Admission admission;
  for (int i = 0; i < 3; ++i) {
    auto listener = std::make_shared<Listener>();
    admission = {};
    const auto run = gateway_->generate(caller_, local_question(2), listener, &admission);
    EXPECT_EQ(run.has_value(), i < 2);
    if (run) listener->wait();
    if (!run) EXPECT_EQ(run.error().code, base::Code::RateLimited);
  }
  const auto header = [&](std::string_view name) {
    for (const auto& [key, value] : admission.headers)
      if (key == name) return value;
    return std::string();
  };
  EXPECT_EQ(header("x-ratelimit-limit-requests"), "2");
  EXPECT_EQ(header("x-ratelimit-remaining-requests"), "0");
  EXPECT_NE(header("retry-after"), "");
}

}  // namespace
}  // namespace gateway
