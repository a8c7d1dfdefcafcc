// Every handler of the route table (api/routes.cc), by the file it stands in.
#pragma once

#include "api/call.h"

namespace api {

// models.cc
void list_models(const Call& call);
void get_model(const Call& call);
// chat.cc
void create_chat_completion(const Call& call);
// page.cc
void get_page(const Call& call);
void get_asset(const Call& call);
void sign_in(const Call& call);
void sign_out(const Call& call);
void get_me(const Call& call);
void set_language(const Call& call);
// conversations.cc
void list_conversations(const Call& call);
void create_conversation(const Call& call);
void get_conversation(const Call& call);
void rename_conversation(const Call& call);
void delete_conversation(const Call& call);
void create_message(const Call& call);
void regenerate_message(const Call& call);
void stop_generation(const Call& call);
// operations.cc
void get_health(const Call& call);
void get_readiness(const Call& call);
void get_metrics(const Call& call);

}  // namespace api
