#include "check.h"
#define DEFINE_RING
#include "rustls.h"

struct pipe {
    uint8_t bytes[20000];
    size_t length;
};

static int reads(void *given, uint8_t *to, size_t room, size_t *length) {
    struct pipe *pipe = given;
    *length = room < pipe->length ? room : pipe->length;
    memcpy(to, pipe->bytes, *length);
    pipe->length -= *length;
    memmove(pipe->bytes, pipe->bytes + *length, pipe->length);
    return 0;
}

static int writes(void *given, const uint8_t *from, size_t length, size_t *taken) {
    struct pipe *pipe = given;
    if (pipe->length + length > sizeof pipe->bytes)
        return 1;
    memcpy(pipe->bytes + pipe->length, from, length);
    pipe->length += *taken = length;
    return 0;
}

static uint32_t accepts(void *given, const rustls_verify_server_cert_params *parameters) {
    (void)given;
    return parameters->server_name.len == 9 && parameters->end_entity_cert_der.len ? RUSTLS_RESULT_OK : RUSTLS_RESULT_GENERAL;
}

static size_t file(const char *path, uint8_t *to, size_t room) {
    FILE *file = fopen(path, "rb");
    size_t length = file ? fread(to, 1, room, file) : 0;
    if (file)
        fclose(file);
    return length;
}

/* What one side has to say reaches the other one. */
static int passes(struct rustls_connection *from, struct rustls_connection *to) {
    struct pipe pipe = {.length = 0};
    size_t length;
    while (rustls_connection_wants_write(from))
        CHECK(!rustls_connection_write_tls(from, writes, &pipe, &length));
    while (pipe.length) {
        CHECK(!rustls_connection_read_tls(to, reads, &pipe, &length));
        CHECK(rustls_connection_process_new_packets(to) == RUSTLS_RESULT_OK);
    }
    return 0;
}

int check_rustls_ffi(void) {
    uint8_t certificate[10000], key[10000];
    size_t certificate_length = file(TESTDATA "/localhost/cert.pem", certificate, sizeof certificate);
    size_t key_length = file(TESTDATA "/localhost/key.pem", key, sizeof key);
    CHECK(RUSTLS_ALL_VERSIONS_LEN == 2 && RUSTLS_ALL_VERSIONS[0] == 0x304);
    CHECK(rustls_version().len > 10 && !memcmp(rustls_version().data, "rustls-ffi/", 11));

    const struct rustls_crypto_provider *provider = rustls_ring_crypto_provider();
    CHECK(provider && rustls_crypto_provider_ciphersuites_len(provider) > 3);
    for (size_t which = 0; which < 2; which++) {
        struct rustls_client_config_builder *wants = NULL;
        const struct rustls_client_config *client_config = NULL;
        CHECK(rustls_client_config_builder_new_custom(provider, RUSTLS_ALL_VERSIONS + which, 1, &wants) == RUSTLS_RESULT_OK);
        CHECK(rustls_client_config_builder_dangerous_set_certificate_verifier(wants, accepts) == RUSTLS_RESULT_OK);
        CHECK(rustls_client_config_builder_build(wants, &client_config) == RUSTLS_RESULT_OK);

        const struct rustls_certified_key *certified = NULL;
        struct rustls_server_config_builder *gives = NULL;
        const struct rustls_server_config *server_config = NULL;
        CHECK(rustls_server_config_builder_new_custom(provider, RUSTLS_ALL_VERSIONS, 2, &gives) == RUSTLS_RESULT_OK);
        CHECK(rustls_certified_key_build(certificate, certificate_length, key, key_length, &certified) == RUSTLS_RESULT_OK);
        CHECK(rustls_server_config_builder_set_certified_keys(gives, &certified, 1) == RUSTLS_RESULT_OK);
        CHECK(rustls_server_config_builder_build(gives, &server_config) == RUSTLS_RESULT_OK);

        struct rustls_connection *client = NULL, *server = NULL;
        CHECK(rustls_client_connection_new(client_config, "localhost", &client) == RUSTLS_RESULT_OK);
        CHECK(rustls_server_connection_new(server_config, &server) == RUSTLS_RESULT_OK);
        for (int round = 0; round < 4; round++)
            CHECK(!passes(client, server) && !passes(server, client));
        CHECK(!rustls_connection_is_handshaking(client) && !rustls_connection_is_handshaking(server));
        CHECK(rustls_connection_get_protocol_version(client) == RUSTLS_ALL_VERSIONS[which]);

        uint8_t heard[100];
        size_t length;
        CHECK(rustls_connection_write(client, (const uint8_t *)"good day", 8, &length) == RUSTLS_RESULT_OK && length == 8);
        CHECK(!passes(client, server));
        CHECK(rustls_connection_read(server, heard, sizeof heard, &length) == RUSTLS_RESULT_OK);
        CHECK(length == 8 && !memcmp(heard, "good day", 8));
        /* What is no record is an error with a text. */
        struct pipe pipe = {.bytes = {0x99, 1, 2, 3, 4, 5, 6, 7}, .length = 8};
        CHECK(!rustls_connection_read_tls(client, reads, &pipe, &length));
        CHECK(rustls_connection_process_new_packets(client) != RUSTLS_RESULT_OK);
        char text[200];
        rustls_error(RUSTLS_RESULT_PLAINTEXT_EMPTY, text, sizeof text, &length);
        CHECK(length > 10);
        rustls_connection_free(client);
        rustls_connection_free(server);
        rustls_client_config_free(client_config);
        rustls_server_config_free(server_config);
        rustls_certified_key_free(certified);
    }
    rustls_crypto_provider_free(provider);
    return 0;
}
