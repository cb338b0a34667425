#include "check.h"

struct config;
struct context;
struct frame;
struct data {
    const uint8_t *bytes;
    size_t length;
};
struct packet {
    const uint8_t *bytes;
    size_t length;
    uint64_t number;
    int type;
};
enum { SUCCESS, NEED_MORE_DATA, ENOUGH_DATA, LIMIT_REACHED, ENCODED };
struct config *rav1e_config_default(void);
int rav1e_config_parse(struct config *, const char *, const char *);
int rav1e_config_parse_int(struct config *, const char *, int);
void rav1e_config_unref(struct config *);
struct context *rav1e_context_new(const struct config *);
void rav1e_context_unref(struct context *);
struct frame *rav1e_frame_new(const struct context *);
void rav1e_frame_fill_plane(struct frame *, int, const uint8_t *, size_t, ptrdiff_t, int);
void rav1e_frame_unref(struct frame *);
int rav1e_send_frame(struct context *, struct frame *);
int rav1e_receive_packet(struct context *, struct packet **);
void rav1e_packet_unref(struct packet *);
struct data *rav1e_container_sequence_header(const struct context *);
void rav1e_data_unref(struct data *);
const char *rav1e_status_to_str(int);

int check_rav1e(void) {
    enum { SIDE = 64, FRAMES = 3 };
    uint8_t plane[SIDE * SIDE];
    struct config *config = rav1e_config_default();
    CHECK(!rav1e_config_parse_int(config, "width", SIDE) && !rav1e_config_parse_int(config, "height", SIDE));
    CHECK(!rav1e_config_parse_int(config, "threads", 2) && !rav1e_config_parse_int(config, "speed", 10));
    CHECK(!rav1e_config_parse(config, "low_latency", "true"));
    CHECK(rav1e_config_parse_int(config, "no such key", 1));
    struct context *context = rav1e_context_new(config);
    CHECK(context);
    rav1e_config_unref(config);
    struct data *header = rav1e_container_sequence_header(context);
    CHECK(header->length >= 4 && header->bytes[0] == 0x81);
    rav1e_data_unref(header);
    for (int number = 0; number < FRAMES; number++) {
        struct frame *frame = rav1e_frame_new(context);
        for (int i = 0; i < SIDE * SIDE; i++)
            plane[i] = (i % SIDE) * 2 + (i / SIDE) * number;
        for (int i = 0; i < 3; i++)
            rav1e_frame_fill_plane(frame, i, plane, i ? SIDE * SIDE / 4 : SIDE * SIDE, i ? SIDE / 2 : SIDE, 1);
        CHECK(rav1e_send_frame(context, frame) == SUCCESS);
        rav1e_frame_unref(frame);
    }
    CHECK(rav1e_send_frame(context, NULL) == SUCCESS);
    unsigned packets = 0;
    for (int status;;) {
        struct packet *packet = NULL;
        status = rav1e_receive_packet(context, &packet);
        if (status == LIMIT_REACHED)
            break;
        CHECK(status == SUCCESS || status == ENCODED || status == NEED_MORE_DATA);
        if (status != SUCCESS)
            continue;
        /* A key frame first. */
        CHECK(packet->number == packets && packet->length > 10 && (packet->type == 0) == (packets == 0));
        packets++;
        rav1e_packet_unref(packet);
    }
    rav1e_context_unref(context);
    CHECK(packets == FRAMES);
    CHECK(!strcmp(rav1e_status_to_str(SUCCESS), "Normal operation"));
    return 0;
}
