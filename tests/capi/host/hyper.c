#include "check.h"

struct hyper_body;
struct hyper_buf;
struct hyper_clientconn;
struct hyper_clientconn_options;
struct hyper_context;
struct hyper_executor;
struct hyper_headers;
struct hyper_io;
struct hyper_request;
struct hyper_response;
struct hyper_task;
struct hyper_waker;

struct connection {
    char sent[1000];
    size_t sent_length, taken;
    struct hyper_waker *reader;
};
enum { EMPTY, ERROR, CLIENTCONN, RESPONSE, BUF };
#define PENDING 0xffffffff

const char *hyper_version(void);
struct hyper_io *hyper_io_new(void);
void hyper_io_set_userdata(struct hyper_io *, void *);
void hyper_io_set_read(struct hyper_io *, size_t (*)(void *, struct hyper_context *, uint8_t *, size_t));
void hyper_io_set_write(struct hyper_io *, size_t (*)(void *, struct hyper_context *, const uint8_t *, size_t));
struct hyper_waker *hyper_context_waker(struct hyper_context *);
void hyper_waker_wake(struct hyper_waker *);
void hyper_waker_free(struct hyper_waker *);
const struct hyper_executor *hyper_executor_new(void);
void hyper_executor_free(const struct hyper_executor *);
int hyper_executor_push(const struct hyper_executor *, struct hyper_task *);
struct hyper_task *hyper_executor_poll(const struct hyper_executor *);
struct hyper_clientconn_options *hyper_clientconn_options_new(void);
void hyper_clientconn_options_exec(struct hyper_clientconn_options *, const struct hyper_executor *);
struct hyper_task *hyper_clientconn_handshake(struct hyper_io *, struct hyper_clientconn_options *);
struct hyper_task *hyper_clientconn_send(struct hyper_clientconn *, struct hyper_request *);
void hyper_clientconn_free(struct hyper_clientconn *);
int hyper_task_type(struct hyper_task *);
void *hyper_task_value(struct hyper_task *);
void hyper_task_free(struct hyper_task *);
struct hyper_request *hyper_request_new(void);
int hyper_request_set_method(struct hyper_request *, const uint8_t *, size_t);
int hyper_request_set_uri(struct hyper_request *, const uint8_t *, size_t);
struct hyper_headers *hyper_request_headers(struct hyper_request *);
int hyper_headers_set(struct hyper_headers *, const uint8_t *, size_t, const uint8_t *, size_t);
void hyper_headers_foreach(const struct hyper_headers *,
                           int (*)(void *, const uint8_t *, size_t, const uint8_t *, size_t), void *);
uint16_t hyper_response_status(const struct hyper_response *);
struct hyper_headers *hyper_response_headers(struct hyper_response *);
struct hyper_body *hyper_response_body(struct hyper_response *);
void hyper_response_free(struct hyper_response *);
struct hyper_task *hyper_body_foreach(struct hyper_body *, int (*)(void *, const struct hyper_buf *), void *);
const uint8_t *hyper_buf_bytes(const struct hyper_buf *);
size_t hyper_buf_len(const struct hyper_buf *);

static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Kind: small\r\n\r\nhello";

static bool asked(const struct connection *connection) {
    return connection->sent_length >= 4 && !memcmp(connection->sent + connection->sent_length - 4, "\r\n\r\n", 4);
}

static size_t reads(void *given, struct hyper_context *context, uint8_t *to, size_t room) {
    struct connection *connection = given;
    if (!asked(connection)) {
        if (connection->reader)
            hyper_waker_free(connection->reader);
        connection->reader = hyper_context_waker(context);
        return PENDING;
    }
    size_t left = sizeof answer - 1 - connection->taken;
    /* A few bytes at a time. */
    size_t length = left < 7 ? left : 7;
    if (length > room)
        length = room;
    memcpy(to, answer + connection->taken, length);
    connection->taken += length;
    return length;
}

static size_t writes(void *given, struct hyper_context *context, const uint8_t *from, size_t length) {
    struct connection *connection = given;
    (void)context;
    if (connection->sent_length + length > sizeof connection->sent)
        abort();
    memcpy(connection->sent + connection->sent_length, from, length);
    connection->sent_length += length;
    if (asked(connection) && connection->reader) {
        hyper_waker_wake(connection->reader);
        connection->reader = NULL;
    }
    return length;
}

static int header(void *seen, const uint8_t *name, size_t name_length, const uint8_t *value, size_t value_length) {
    *(bool *)seen |= name_length == 6 && !memcmp(name, "x-kind", 6) && value_length == 5 && !memcmp(value, "small", 5);
    return 0;
}

static int chunk(void *body, const struct hyper_buf *buf) {
    strncat(body, (const char *)hyper_buf_bytes(buf), hyper_buf_len(buf));
    return 0;
}

int check_hyper(void) {
    struct connection connection = {0};
    struct hyper_clientconn *client = NULL;
    char body[100] = "";
    bool kind = false, done = false;
    unsigned status = 0;
    CHECK(strchr(hyper_version(), '.'));
    struct hyper_io *io = hyper_io_new();
    hyper_io_set_userdata(io, &connection);
    hyper_io_set_read(io, reads);
    hyper_io_set_write(io, writes);
    const struct hyper_executor *executor = hyper_executor_new();
    struct hyper_clientconn_options *options = hyper_clientconn_options_new();
    hyper_clientconn_options_exec(options, executor);
    CHECK(!hyper_executor_push(executor, hyper_clientconn_handshake(io, options)));
    for (struct hyper_task *task; (task = hyper_executor_poll(executor));) {
        int type = hyper_task_type(task);
        void *value = type == EMPTY ? NULL : hyper_task_value(task);
        hyper_task_free(task);
        CHECK(type != ERROR);
        if (type == CLIENTCONN) {
            client = value;
            struct hyper_request *request = hyper_request_new();
            CHECK(!hyper_request_set_method(request, (const uint8_t *)"GET", 3));
            CHECK(!hyper_request_set_uri(request, (const uint8_t *)"/piece", 6));
            CHECK(!hyper_headers_set(hyper_request_headers(request), (const uint8_t *)"Host", 4, (const uint8_t *)"here", 4));
            CHECK(!hyper_executor_push(executor, hyper_clientconn_send(client, request)));
        } else if (type == RESPONSE) {
            status = hyper_response_status(value);
            hyper_headers_foreach(hyper_response_headers(value), header, &kind);
            struct hyper_task *read = hyper_body_foreach(hyper_response_body(value), chunk, body);
            CHECK(!hyper_executor_push(executor, read));
            hyper_response_free(value);
        } else if (!strcmp(body, "hello")) {
            done = true;
        }
    }
    CHECK(done && status == 200 && kind);
    CHECK(!memcmp(connection.sent, "GET /piece HTTP/1.1\r\n", 21));
    hyper_clientconn_free(client);
    hyper_executor_free(executor);
    return 0;
}
