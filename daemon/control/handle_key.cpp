// SPDX-License-Identifier: Apache-2.0
// key.list, key.show, key.bind, key.release, key.return, key.replace, pin.allow_last_try.

#include "daemon/control/views.hpp"

namespace ukey {
namespace {

namespace asio = boost::asio;

/// The key as it is now, in or not.
asio::awaitable<ControlAnswer> show_key(ControlContext& context, const ControlRequest& request,
                                        std::string key_id) {
    if (const auto key = context.keys.keys().find(key_id); key != context.keys.keys().end()) {
        co_return boost::json::object{{"key", view_key(key->second, context, viewer_of(request))}};
    }
    const auto record =
        co_await context.store.run([&](Storage& storage) { return load_key(storage, key_id, nullptr); });
    if (!record) {
        co_return refuse(record.error());
    }
    co_return boost::json::object{{"key", view_absent_key(*record, context, viewer_of(request))}};
}

asio::awaitable<Result<std::string>> wanted_key(ControlContext& context, const ControlRequest& request) {
    const auto wanted = request.text("key");
    if (!wanted) {
        co_return wanted;
    }
    co_return co_await context.store.run([&](Storage& storage) { return find_key(storage, *wanted); });
}

/// The certificate that the binding is about: the one on the key when it is in, else the one last seen.
asio::awaitable<Result<CertificateFacts>> binding_certificate(ControlContext& context, std::string key_id) {
    if (const auto key = context.keys.keys().find(key_id); key != context.keys.keys().end()) {
        if (key->second.certificates.signing) {
            co_return *key->second.certificates.signing;
        }
        co_return fail("certificate.missing", "bind the key", key_id, "no certificate that can sign");
    }
    const auto record =
        co_await context.store.run([&](Storage& storage) { return load_key(storage, key_id, nullptr); });
    if (!record) {
        co_return tl::unexpected(record.error());
    }
    if (record->certificate_der.empty()) {
        co_return fail("certificate.missing", "bind the key", key_id, "it was never read");
    }
    co_return parse_certificate(record->certificate_der, context.configuration.certificate_profiles);
}

} // namespace

asio::awaitable<ControlAnswer> handle_key_list(ControlContext& context, ControlRequest& request) {
    const Viewer viewer = viewer_of(request);
    boost::json::array keys;
    for (const auto& [key_id, key] : context.keys.keys()) {
        keys.push_back(view_key(key, context, viewer));
    }
    if (request.flag("all")) {
        const auto records = co_await context.store.run([](Storage& storage) { return list_keys(storage); });
        if (!records) {
            co_return refuse(records.error());
        }
        for (const KeyRecord& record : *records) {
            if (!context.keys.keys().contains(record.key_id)) {
                keys.push_back(view_absent_key(record, context, viewer));
            }
        }
    }
    co_return boost::json::object{{"keys", std::move(keys)}};
}

asio::awaitable<ControlAnswer> handle_key_show(ControlContext& context, ControlRequest& request) {
    const auto key_id = co_await wanted_key(context, request);
    if (!key_id) {
        co_return refuse(key_id.error());
    }
    co_return co_await show_key(context, request, *key_id);
}

asio::awaitable<ControlAnswer> handle_key_bind(ControlContext& context, ControlRequest& request) {
    const auto key_id = co_await wanted_key(context, request);
    const auto organisation = request.text("organisation");
    if (!key_id || !organisation) {
        co_return refuse(key_id ? organisation.error() : key_id.error());
    }
    auto certificate = co_await binding_certificate(context, *key_id);
    if (!certificate) {
        co_return refuse(certificate.error());
    }
    BindRequest bind{.key_id = *key_id,
                     .organisation = *organisation,
                     .certificate = std::move(*certificate),
                     .one_key_per_organisation = context.configuration.one_key_per_organisation,
                     .uid = request.peer.uid};
    const auto refused =
        co_await context.store.run([&](Storage& storage) { return bind_key(storage, bind); });
    if (!refused) {
        co_return refuse(refused.error());
    }
    if (*refused) {
        co_return tl::unexpected(**refused);
    }
    co_await context.keys.reload(*key_id);
    co_return co_await show_key(context, request, *key_id);
}

asio::awaitable<ControlAnswer> handle_key_release(ControlContext& context, ControlRequest& request) {
    const auto key_id = co_await wanted_key(context, request);
    if (!key_id) {
        co_return refuse(key_id.error());
    }
    const std::uint32_t uid = request.peer.uid;
    const auto done =
        co_await context.store.run([&](Storage& storage) { return release_key(storage, *key_id, uid); });
    if (!done) {
        co_return refuse(done.error());
    }
    co_await context.keys.reload(*key_id);
    co_return co_await show_key(context, request, *key_id);
}

asio::awaitable<ControlAnswer> handle_key_return(ControlContext& context, ControlRequest& request) {
    const auto key_id = co_await wanted_key(context, request);
    if (!key_id) {
        co_return refuse(key_id.error());
    }
    const std::uint32_t uid = request.peer.uid;
    const auto done =
        co_await context.store.run([&](Storage& storage) { return return_key(storage, *key_id, uid); });
    if (!done) {
        co_return refuse(done.error());
    }
    co_await context.keys.reload(*key_id);
    co_return co_await show_key(context, request, *key_id);
}

/// `key` is the old one, `by` the new one; the answer is about the new one.
asio::awaitable<ControlAnswer> handle_key_replace(ControlContext& context, ControlRequest& request) {
    const auto old_key_id = co_await wanted_key(context, request);
    const auto wanted = request.text("by");
    if (!old_key_id || !wanted) {
        co_return refuse(old_key_id ? wanted.error() : old_key_id.error());
    }
    const auto new_key_id =
        co_await context.store.run([&](Storage& storage) { return find_key(storage, *wanted); });
    if (!new_key_id) {
        co_return refuse(new_key_id.error());
    }
    auto certificate = co_await binding_certificate(context, *new_key_id);
    if (!certificate) {
        co_return refuse(certificate.error());
    }
    BindRequest bind{.key_id = *new_key_id,
                     .organisation = {},
                     .certificate = std::move(*certificate),
                     .one_key_per_organisation = context.configuration.one_key_per_organisation,
                     .uid = request.peer.uid};
    const auto refused =
        co_await context.store.run([&](Storage& storage) { return replace_key(storage, *old_key_id, bind); });
    if (!refused) {
        co_return refuse(refused.error());
    }
    if (*refused) {
        co_return tl::unexpected(**refused);
    }
    co_await context.keys.reload(*old_key_id);
    co_await context.keys.reload(*new_key_id);
    co_return co_await show_key(context, request, *new_key_id);
}

/// For the caller's own logins only, so anyone may.
asio::awaitable<ControlAnswer> handle_pin_allow_last_try(ControlContext& context, ControlRequest& request) {
    const auto key_id = co_await wanted_key(context, request);
    if (!key_id) {
        co_return refuse(key_id.error());
    }
    if (!context.keys.keys().contains(*key_id)) {
        co_return tl::unexpected(Finding{"key.not_found", *key_id, {{"object", *key_id}}}); // not plugged in
    }
    context.logins.allow_last_try(request.peer.uid, *key_id);
    co_return boost::json::object{{"key", *key_id}};
}

} // namespace ukey
