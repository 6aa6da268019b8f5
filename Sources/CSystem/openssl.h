// OpenSSL for Swift: its macros as functions and constants. No logic lives here.
#ifndef WEIR_OPENSSL_H
#define WEIR_OPENSSL_H

#if !__has_include(<openssl/ssl.h>)
#error "weir needs the OpenSSL 3 headers: apt-get install libssl-dev pkg-config"
#else

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

static const uint64_t weir_ssl_op_no_compression = SSL_OP_NO_COMPRESSION;
static const uint64_t weir_ssl_op_no_renegotiation = SSL_OP_NO_RENEGOTIATION;

static inline int weir_ssl_ctx_set_min_version(SSL_CTX *context, int version) {
  return (int)SSL_CTX_set_min_proto_version(context, version);
}

static inline int weir_ssl_ctx_set_max_version(SSL_CTX *context, int version) {
  return (int)SSL_CTX_set_max_proto_version(context, version);
}

static inline int weir_ssl_ctx_set_groups(SSL_CTX *context, const char *names) {
  return (int)SSL_CTX_set1_groups_list(context, names);
}

static inline void weir_ssl_ctx_set_mode(SSL_CTX *context, long mode) {
  SSL_CTX_set_mode(context, mode);
}

static inline void weir_ssl_ctx_set_session_cache_mode(SSL_CTX *context, long mode) {
  SSL_CTX_set_session_cache_mode(context, mode);
}

static inline int weir_ssl_set_server_name(SSL *ssl, const char *name) {
  return (int)SSL_set_tlsext_host_name(ssl, name);
}

static inline void weir_bio_clear_retry(BIO *bio) { BIO_clear_retry_flags(bio); }

static inline void weir_bio_set_retry_read(BIO *bio) { BIO_set_retry_read(bio); }

#endif
#endif
