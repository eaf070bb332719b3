// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <span>
#include <system_error>

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "daemon/core/certificate.hpp"
#include "daemon/core/revocation_list.hpp"
#include "daemon/core/x509.hpp"

namespace ukey {
namespace {

namespace filesystem = std::filesystem;

/// The largest revocation lists of public CAs have some 20 MB.
constexpr std::uintmax_t trust_file_max_bytes = std::uintmax_t{64} * 1024 * 1024;

/// Root, two or three intermediates and the leaf, with room to spare; bounds the work of one verification.
constexpr int chain_depth_max = 8;

tl::unexpected<Error> unreadable_file(const std::string& object, std::string reason) {
    return fail("trust.unreadable", "read the CA files", object, std::move(reason));
}

bool has_trust_file_name(const filesystem::path& path) {
    std::string extension = path.extension().string();
    std::ranges::transform(extension, extension.begin(), [](char letter) {
        return letter >= 'A' && letter <= 'Z' ? char(letter - 'A' + 'a') : letter;
    });
    constexpr std::array<std::string_view, 4> extensions = {".pem", ".crt", ".cer", ".crl"};
    return std::ranges::find(extensions, extension) != extensions.end();
}

/// The files that a path names, in the order of their names.
Result<std::vector<std::string>> trust_files(const std::string& path) {
    std::error_code error;
    if (!filesystem::is_directory(path, error)) {
        return std::vector<std::string>{path};
    }
    std::vector<std::string> files;
    for (filesystem::directory_iterator entry(path, error), end; !error && entry != end;
         entry.increment(error)) {
        if (has_trust_file_name(entry->path())) {
            files.push_back(entry->path().string());
        }
    }
    if (error) {
        return unreadable_file(path, error.message());
    }
    std::ranges::sort(files);
    return files;
}

Result<std::string> read_file(const std::string& path) {
    std::error_code error;
    const std::uintmax_t size = filesystem::file_size(path, error);
    if (error) {
        return unreadable_file(path, error.message());
    }
    if (size > trust_file_max_bytes) {
        return unreadable_file(path, fmt::format("more than {} bytes", trust_file_max_bytes));
    }
    std::ifstream file(path, std::ios::binary);
    std::string bytes(size, '\0');
    if (!file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()))) {
        return unreadable_file(path, std::generic_category().message(errno));
    }
    return bytes;
}

/// The DER blocks of a file's certificates and revocation lists.
struct TrustFile {
    std::vector<std::string> certificates;
    std::vector<std::string> lists;
    /// Not every block could be read. What comes behind a bad one is not looked at.
    bool damaged = false;
};

std::ptrdiff_t occurrences(std::string_view text, std::string_view part) {
    std::ptrdiff_t count = 0;
    for (std::size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) {
        ++count;
    }
    return count;
}

TrustFile read_pem(std::string_view text) {
    TrustFile found;
    std::ptrdiff_t blocks = 0;
    ERR_clear_error();
    const BioHandle input(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
    for (;;) {
        char* name = nullptr;
        char* header = nullptr;
        unsigned char* data = nullptr;
        long length = 0;
        if (PEM_read_bio(input.get(), &name, &header, &data, &length) != 1) {
            ERR_clear_error(); // the end, or a block that cannot be read
            found.damaged =
                occurrences(text, "-----BEGIN ") != blocks || occurrences(text, "-----END ") != blocks;
            return found;
        }
        ++blocks;
        const std::unique_ptr<char, OpensslMemoryDeleter> name_owner(name);
        const std::unique_ptr<char, OpensslMemoryDeleter> header_owner(header);
        const OpensslBytes data_owner(data);
        const std::string_view kind = name;
        std::string der(reinterpret_cast<const char*>(data), static_cast<std::size_t>(length));
        if (kind == PEM_STRING_X509 || kind == PEM_STRING_X509_OLD) {
            found.certificates.push_back(std::move(der));
        } else if (kind == PEM_STRING_X509_CRL) {
            found.lists.push_back(std::move(der));
        }
    }
}

TrustFile read_blocks(std::string bytes) {
    if (bytes.find("-----BEGIN ") != std::string::npos) {
        return read_pem(bytes);
    }
    TrustFile found;
    if (parse_x509(bytes).certificate) {
        found.certificates.push_back(std::move(bytes));
    } else {
        ERR_clear_error();
        found.lists.push_back(std::move(bytes));
    }
    return found;
}

std::string fingerprint(const X509* certificate) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned length = 0;
    X509_digest(certificate, EVP_sha256(), digest.data(), &length);
    return {reinterpret_cast<const char*>(digest.data()), length};
}

/// Those that are used of a token's further certificates.
std::vector<X509Handle> parse_extra(const std::vector<std::string>& extra_der) {
    std::vector<X509Handle> parsed;
    for (const std::string& der :
         std::span(extra_der).first(std::min(extra_der.size(), TrustStore::extra_certificates_max))) {
        if (ParsedX509 extra = parse_x509(der); extra.certificate) {
            parsed.push_back(std::move(extra.certificate));
        }
    }
    return parsed;
}

/// What the verify callback needs to know and says.
struct Judgement {
    const ParsedX509* leaf = nullptr;
    std::string reason;
};

/// OpenSSL refuses a retagged leaf's signature, because it hashes other bytes than were signed: hash the
/// original ones.
bool original_signature_is_good(X509_STORE_CTX* context, const ParsedX509& leaf) {
    X509* const issuer = X509_STORE_CTX_get0_current_issuer(context);
    EVP_PKEY* const key = issuer != nullptr ? X509_get0_pubkey(issuer) : nullptr;
    if (key == nullptr || !leaf.retagged) {
        return false;
    }
    const ASN1_BIT_STRING* signature = nullptr;
    X509_get0_signature(&signature, nullptr, leaf.certificate.get());
    return verify_signature(key, X509_get_signature_nid(leaf.certificate.get()), signed_bytes(leaf.der),
                            signature);
}

/// Tolerates what is told apart from trust (the leaf's own dates), and puts everything else in words.
int judge(int accepted, X509_STORE_CTX* context) noexcept {
    if (accepted == 1) {
        return 1;
    }
    auto* const judgement = static_cast<Judgement*>(X509_STORE_CTX_get_app_data(context));
    const int error = X509_STORE_CTX_get_error(context);
    const int depth = X509_STORE_CTX_get_error_depth(context);
    const bool leaf_date =
        depth == 0 && (error == X509_V_ERR_CERT_HAS_EXPIRED || error == X509_V_ERR_CERT_NOT_YET_VALID);
    const bool leaf_signature = depth == 0 && error == X509_V_ERR_CERT_SIGNATURE_FAILURE &&
                                original_signature_is_good(context, *judgement->leaf);
    if (leaf_date || leaf_signature) {
        X509_STORE_CTX_set_error(context, X509_V_OK);
        return 1;
    }
    judgement->reason = X509_verify_cert_error_string(error);
    X509* const current = X509_STORE_CTX_get_current_cert(context);
    if (depth > 0 && current != nullptr) {
        bool rescued = false;
        judgement->reason += fmt::format(" ({})", name_text(X509_get_subject_name(current), rescued));
    }
    return 0;
}

} // namespace

struct TrustStore::Contents {
    X509StoreHandle store{X509_STORE_new()}; ///< the trust anchors
    std::vector<X509Handle> certificates;    ///< all of them: anchors and intermediates
    std::vector<X509*> intermediates;
    std::vector<std::string> fingerprints;
    std::vector<RevocationList> lists;
    std::size_t anchors = 0;
    std::vector<Error> unreadable;

    void add_path(const std::string& path);
    Result<void> add_file(const std::string& path);
    bool add_certificate(std::string_view der);
    Revocation revocation(const X509* certificate, const X509* issuer, Timestamp moment) const;
    void judge_chain(X509_STORE_CTX* context, Timestamp moment, Verification& verification) const;
};

void TrustStore::Contents::add_path(const std::string& path) {
    const Result<std::vector<std::string>> files = trust_files(path);
    if (!files) {
        unreadable.push_back(files.error());
        return;
    }
    for (const std::string& file : *files) {
        if (Result<void> added = add_file(file); !added) {
            unreadable.push_back(std::move(added.error()));
        }
    }
}

/// What is good in a file with something bad in it is used: revocations must not get lost by it.
Result<void> TrustStore::Contents::add_file(const std::string& path) {
    Result<std::string> bytes = read_file(path);
    if (!bytes) {
        return tl::unexpected(std::move(bytes.error()));
    }
    const TrustFile found = read_blocks(std::move(*bytes));
    Result<void> added;
    if (found.damaged) {
        added = unreadable_file(path, "a block in it is damaged, and what follows is not read");
    } else if (found.certificates.empty() && found.lists.empty()) {
        added = unreadable_file(path, "no certificate and no revocation list in it");
    }
    for (const std::string& der : found.certificates) {
        if (!add_certificate(der)) {
            added = unreadable_file(path, "a certificate in it is malformed: " + take_openssl_error());
        }
    }
    for (const std::string& der : found.lists) {
        if (std::optional<RevocationList> list = RevocationList::parse(der)) {
            lists.push_back(std::move(*list));
        } else {
            added = unreadable_file(path, "neither a certificate nor a revocation list");
        }
    }
    return added;
}

bool TrustStore::Contents::add_certificate(std::string_view der) {
    ParsedX509 parsed = parse_x509(der);
    if (!parsed.certificate) {
        return false;
    }
    X509* const certificate = parsed.certificate.get();
    std::string print = fingerprint(certificate);
    if (std::ranges::find(fingerprints, print) != fingerprints.end()) {
        return true; // the same certificate in two files
    }
    fingerprints.push_back(std::move(print));
    certificates.push_back(std::move(parsed.certificate));
    const bool self_signed = X509_self_signed(certificate, 1) == 1;
    ERR_clear_error();
    if (!self_signed) {
        intermediates.push_back(certificate);
        return true;
    }
    ++anchors;
    return X509_STORE_add_cert(store.get(), certificate) == 1;
}

Revocation TrustStore::Contents::revocation(const X509* certificate, const X509* issuer,
                                            Timestamp moment) const {
    Revocation known = Revocation::unknown;
    for (const RevocationList& list : lists) {
        switch (list.check(certificate, issuer, moment)) {
        case Revocation::revoked:
            return Revocation::revoked;
        case Revocation::good:
            known = Revocation::good;
            break;
        case Revocation::unknown:
            break;
        }
    }
    return known;
}

/// The revocation of a chain that is good otherwise. A revoked intermediate vouches for nothing.
void TrustStore::Contents::judge_chain(X509_STORE_CTX* context, Timestamp moment,
                                       Verification& verification) const {
    STACK_OF(X509)* const chain = X509_STORE_CTX_get0_chain(context);
    for (int depth = 0; depth + 1 < sk_X509_num(chain); ++depth) {
        const X509* const certificate = sk_X509_value(chain, depth);
        const Revocation known = revocation(certificate, sk_X509_value(chain, depth + 1), moment);
        if (depth == 0) {
            verification.revoked = known == Revocation::revoked;
            verification.revocation_known = known != Revocation::unknown;
        } else if (known == Revocation::revoked) {
            bool rescued = false;
            verification.trust = Trust::untrusted;
            verification.reason =
                fmt::format("{} ({})", X509_verify_cert_error_string(X509_V_ERR_CERT_REVOKED),
                            name_text(X509_get_subject_name(certificate), rescued));
        }
    }
}

TrustStore::TrustStore() : contents_(std::make_unique<Contents>()) {}
TrustStore::~TrustStore() = default;
TrustStore::TrustStore(TrustStore&&) noexcept = default;
TrustStore& TrustStore::operator=(TrustStore&&) noexcept = default;

Result<TrustStore> TrustStore::load(const std::vector<std::string>& paths) {
    TrustStore loaded = load_readable(paths);
    if (!loaded.unreadable().empty()) {
        return tl::unexpected(loaded.unreadable().front());
    }
    return loaded;
}

TrustStore TrustStore::load_readable(const std::vector<std::string>& paths) {
    TrustStore loaded;
    Contents& contents = *loaded.contents_;
    for (const std::string& path : paths) {
        contents.add_path(path);
    }
    for (RevocationList& list : contents.lists) {
        for (const X509Handle& certificate : contents.certificates) {
            list.remember_issuer(certificate.get());
        }
    }
    return loaded;
}

const std::vector<Error>& TrustStore::unreadable() const {
    return contents_->unreadable;
}

std::size_t TrustStore::anchors() const {
    return contents_->anchors;
}

Verification TrustStore::verify(const CertificateFacts& certificate,
                                const std::vector<std::string>& extra_der, Timestamp moment) const {
    Verification verification;
    verification.expired = moment > certificate.not_after;
    verification.not_yet_valid = moment < certificate.not_before;
    verification.key_usage_wrong = !certificate.can_sign();
    if (contents_->anchors == 0 && contents_->unreadable.empty()) {
        return verification; // with a damaged file it would be let through where an untrusted one is not
    }
    const ParsedX509 leaf = parse_x509(certificate.der);
    const std::vector<X509Handle> extra = parse_extra(extra_der);
    const BorrowedX509Stack untrusted(sk_X509_new_null());
    for (X509* const intermediate : contents_->intermediates) {
        sk_X509_push(untrusted.get(), intermediate);
    }
    for (const X509Handle& intermediate : extra) {
        sk_X509_push(untrusted.get(), intermediate.get());
    }
    const X509StoreContextHandle context(X509_STORE_CTX_new());
    Judgement judgement{&leaf, {}};
    if (!leaf.certificate || !context ||
        X509_STORE_CTX_init(context.get(), contents_->store.get(), leaf.certificate.get(), untrusted.get()) !=
            1) {
        verification.trust = Trust::untrusted;
        verification.reason = take_openssl_error();
        return verification;
    }
    X509_VERIFY_PARAM* const parameters = X509_STORE_CTX_get0_param(context.get());
    X509_VERIFY_PARAM_set_depth(parameters, chain_depth_max);
    X509_VERIFY_PARAM_set_time(parameters, to_time(moment));
    X509_STORE_CTX_set_app_data(context.get(), &judgement);
    X509_STORE_CTX_set_verify_cb(context.get(), judge);
    verification.trust = X509_verify_cert(context.get()) == 1 ? Trust::trusted : Trust::untrusted;
    verification.reason = judgement.reason;
    if (verification.trust == Trust::trusted) {
        contents_->judge_chain(context.get(), moment, verification);
    }
    ERR_clear_error();
    return verification;
}

std::vector<Timestamp> TrustStore::dates(const std::vector<std::string>& extra_der) const {
    std::vector<Timestamp> dates;
    const auto take = [&](const ASN1_TIME* date) {
        if (const auto moment = date != nullptr ? to_timestamp(date) : std::nullopt) {
            dates.push_back(*moment); // one that cannot be read is an error at all times
        }
    };
    const auto take_all = [&](const std::vector<X509Handle>& certificates) {
        for (const X509Handle& certificate : certificates) {
            take(X509_get0_notBefore(certificate.get()));
            take(X509_get0_notAfter(certificate.get()));
        }
    };
    take_all(contents_->certificates);
    take_all(parse_extra(extra_der));
    for (const RevocationList& list : contents_->lists) {
        take(list.last_update());
        take(list.next_update());
    }
    ERR_clear_error();
    std::ranges::sort(dates);
    return dates;
}

} // namespace ukey
