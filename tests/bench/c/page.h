/* What a page receives: JSON in the frames of a WebSocket, each number checked for its order and state. */
#ifndef PAGE_H
#define PAGE_H
#include "stream.h"

/* A text message as a client has to send it: masked, here with a mask of zeros. */
static size_t page_frame(char *to, const char *text)
{
    size_t n = strlen(text), head = n < 126 ? 2 : 4;
    to[0] = (char)0x81;
    to[1] = (char)(0x80 | (n < 126 ? n : 126));
    if (n >= 126) to[2] = (char)(n >> 8), to[3] = (char)n;
    memset(to + head, 0, 4);
    memcpy(to + head + 4, text, n);
    return head + 4 + n;
}

/* The number behind `key` in the item "V", or -1. */
static double page_value(const char *p, size_t n)
{
    const char *item = memmem(p, n, "{\"name\":\"V\"", 11);
    const char *value = item ? memmem(item, n - (size_t)(item - p), "\"value\":", 8) : NULL;
    return value ? strtod(value + 8, NULL) : -1;
}

static int page_says(const char *p, size_t n, const char *text)
{
    return memmem(p, n, text, strlen(text)) != NULL;
}

static void take_message(struct conn *c, const char *p, size_t n)
{
    static const char head[] = "{\"setNumberVector\":{";
    char from[96];
    snprintf(from, sizeof from, "\"device\":\"%s\",\"name\":\"", device);
    const char *name = memmem(p, n, from, strlen(from));
    if (!name) return;
    name += strlen(from);
    if (page_says(p, n < 20 ? n : 20, "{\"defBLOBVector\"") && !strncmp(name, "IMG\"", 4)) c->ready = 1;
    if (page_says(p, n < 20 ? n : 20, "{\"deleteProperty\"")) c->deleted = 1;
    if (n < sizeof head - 1 || memcmp(p, head, sizeof head - 1)) return;
    double value = page_value(p, n);
    if (!strncmp(name, "NUM", 3)) {
        c->got++;
        if (value < 0 || !page_says(p, n, "\"state\":\"Ok\"") || (size_t)(name[3] - '0') != (size_t)value % props) {
            bad++;
            complain("a number whose content is wrong", (size_t)value, c->expected);
            return;
        }
        in_order(c, (size_t)value);
    } else if (!strncmp(name, "END\"", 4)) {
        c->total = (size_t)value;
        if (c->expected < c->total) {
            lost += c->total - c->expected;
            complain("lost at the end", c->expected, c->total);
        }
        c->done = 1;
    }
}

/* Takes what is complete from p to end and returns what is left. */
static const char *consume_page(struct conn *c, const char *p, const char *end)
{
    if (!c->upgraded) {
        const char *body = memmem(p, (size_t)(end - p), "\r\n\r\n", 4);
        if (!body) return p;
        if (strncmp(p, "HTTP/1.1 101", 12)) bad++, complain("no WebSocket", 0, 101);
        c->upgraded = 1;
        p = body + 4;
    }
    while (end - p >= 2) {
        const unsigned char *u = (const unsigned char *)p;
        size_t n = u[1], head = 2;
        if (n == 126) {
            if (end - p < 4) return p;
            n = (size_t)u[2] << 8 | u[3], head = 4;
        } else if (n == 127) {
            if (end - p < 10) return p;
            n = 0, head = 10;
            for (int i = 2; i < 10; i++) n = n << 8 | u[i];
        }
        if ((size_t)(end - p) < head + n) return p;
        if (u[0] == 0x81) take_message(c, p + head, n);
        p += head + n;
    }
    return p;
}
#endif
