// OpenSSL for Swift: its macros as functions. No logic lives here.
#ifndef WEIR_OPENSSL_H
#define WEIR_OPENSSL_H

#if !__has_include(<openssl/ssl.h>)
#error "weir needs the OpenSSL 3 headers: apt-get install libssl-dev pkg-config"
#else

#include <openssl/err.h>
#include <openssl/ssl.h>

#endif
#endif
