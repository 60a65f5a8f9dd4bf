/*
 * A small order service, written in a hurry: it takes in batches of orders, throws out the invalid
 * and the repeated ones, prices the rest and writes their receipts. It works; it is slow.
 *
 * usage: orders [SECONDS]     (default: until it is killed)
 *
 * Built with FIX_DUPLICATES, FIX_VALIDATION or FIX_RECEIPTS, one of its three faults is mended.
 */
// SPDX-License-Identifier: BSD-2-Clause
#include <regex.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 6000, PRODUCTS = 64, LINES_MAX = 136, NUMBER_BYTES = 24, EMAIL_BYTES = 48 };

struct product {
	char label[96];
	uint32_t price_cents;
};

struct order_line {
	uint16_t product, quantity;
};

struct order {
	char number[NUMBER_BYTES];
	char email[EMAIL_BYTES];
	struct order_line lines[LINES_MAX];
	uint32_t line_count;
	bool valid, duplicate;
	uint64_t total_cents;
	uint64_t checksum;
};

static struct product catalogue[PRODUCTS];
static uint32_t seed = 20240229;

static uint32_t next_random(uint32_t below)
{
	seed = seed * 1664525u + 1013904223u;
	return (uint32_t)(((uint64_t)seed * below) >> 32);
}

static void fill_catalogue(void)
{
	static const char *const what[] = { "cup", "plate", "lamp", "chair", "shelf", "carpet",
		"pan", "blanket" };
	static const char *const how[] = { "blue", "oak", "enamel", "woollen", "folding", "large",
		"glazed", "plain" };

	for (uint32_t i = 0; i < PRODUCTS; i++) {
		struct product *p = &catalogue[i];

		p->price_cents = 199 + i * 137;
		snprintf(p->label, sizeof(p->label),
			"  %-10s %-10s article %05u %12u.%02u EUR each\n", how[i / 8], what[i % 8],
			10000 + i * 17, p->price_cents / 100, p->price_cents % 100);
	}
}

/* One order in eight is sent twice by impatient customers. */
static void receive_orders(struct order *orders, uint32_t count, uint32_t *next_number)
{
	for (uint32_t i = 0; i < count; i++) {
		struct order *o = &orders[i];

		if (i && !next_random(8)) {
			*o = orders[next_random(i)];
			continue;
		}
		snprintf(o->number, sizeof(o->number), "ORD-2024-%010u", (*next_number)++);
		snprintf(o->email, sizeof(o->email), "customer.%u@%s.example.com",
			next_random(90000), next_random(2) ? "mail" : "post");
		if (!next_random(50))
			o->email[0] = '@';
		o->line_count = 8 + next_random(LINES_MAX - 8);
		for (uint32_t l = 0; l < o->line_count; l++)
			o->lines[l] = (struct order_line){ (uint16_t)next_random(PRODUCTS),
				(uint16_t)(1 + next_random(5)) };
	}
}

/* ---- is the e-mail address one? ---- */

static bool email_is_valid(const char *email)
{
#ifdef FIX_VALIDATION
	static regex_t pattern;
	static bool compiled;
#else
	regex_t pattern;
	bool compiled = false;
#endif

	if (!compiled && regcomp(&pattern, "^[a-z0-9._-]+@[a-z0-9-]+\\.[a-z.]+$", REG_EXTENDED))
		return false;
	bool valid = regexec(&pattern, email, 0, NULL, 0) == 0;
#ifdef FIX_VALIDATION
	compiled = true;
#else
	regfree(&pattern);
#endif
	return valid;
}

static void validate_orders(struct order *orders, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		orders[i].valid = orders[i].line_count > 0 && email_is_valid(orders[i].email);
}

/* ---- was it sent twice? ---- */

#ifdef FIX_DUPLICATES
static uint32_t hash_number(const char *number)
{
	uint32_t hash = 2166136261u;

	for (; *number; number++)
		hash = (hash ^ (unsigned char)*number) * 16777619u;
	return hash;
}

static void find_duplicates(struct order *orders, uint32_t count)
{
	uint32_t mask = 4 * BATCH - 1;

	while (mask & (mask + 1))
		mask |= mask >> 1;
	const char **seen = calloc(mask + 1, sizeof(*seen));
	if (!seen)
		abort();
	for (uint32_t i = 0; i < count; i++) {
		uint32_t at = hash_number(orders[i].number) & mask;

		while (seen[at] && strcmp(seen[at], orders[i].number) != 0)
			at = (at + 1) & mask;
		orders[i].duplicate = seen[at] != NULL;
		seen[at] = orders[i].number;
	}
	free(seen);
}
#else
static void find_duplicates(struct order *orders, uint32_t count)
{
	const char **seen = calloc(count, sizeof(*seen));
	uint32_t seen_count = 0;

	if (!seen)
		abort();
	for (uint32_t i = 0; i < count; i++) {
		orders[i].duplicate = false;
		for (uint32_t j = 0; j < seen_count; j++) {
			if (strcmp(seen[j], orders[i].number) == 0) {
				orders[i].duplicate = true;
				break;
			}
		}
		if (!orders[i].duplicate)
			seen[seen_count++] = orders[i].number;
	}
	free(seen);
}
#endif

/* ---- what does it cost? ---- */

static uint64_t discount(uint64_t cents, uint32_t quantity)
{
	uint32_t permille = quantity >= 5 ? 80 : quantity >= 3 ? 30 : 0;

	return cents * permille / 1000;
}

static void price_order(struct order *o)
{
	uint64_t cents = 0;

	for (uint32_t l = 0; l < o->line_count; l++) {
		uint64_t line =
			(uint64_t)catalogue[o->lines[l].product].price_cents * o->lines[l].quantity;

		cents += line - discount(line, o->lines[l].quantity);
	}
	o->total_cents = cents + cents * 19 / 100;
}

/* ---- the receipt ---- */

#ifdef FIX_RECEIPTS
static char *write_receipt(const struct order *o)
{
	size_t bytes = o->line_count * sizeof(catalogue[0].label) + 1;
	char *text = malloc(bytes), *at = text;
	if (!text)
		abort();
	for (uint32_t l = 0; l < o->line_count; l++)
		at = stpcpy(at, catalogue[o->lines[l].product].label);
	*at = '\0';
	return text;
}
#else
static char *write_receipt(const struct order *o)
{
	char *text = calloc(1, 1);
	size_t length = 0;

	for (uint32_t l = 0; l < o->line_count; l++) {
		const char *label = catalogue[o->lines[l].product].label;
		size_t more = strlen(label);
		char *longer = malloc(length + more + 1);

		if (!longer)
			abort();
		memcpy(longer, text, length);
		memcpy(longer + length, label, more + 1);
		free(text);
		text = longer;
		length += more;
	}
	return text;
}
#endif

/* Seals the receipt: its first lines, who ordered, and what it costs. */
static uint64_t checksum(const struct order *o, const char *receipt)
{
	uint64_t sum = 1469598103934665603u ^ o->total_cents;

	for (const char *at = o->email; *at; at++)
		sum = (sum ^ (unsigned char)*at) * 1099511628211u;
	for (int i = 0; receipt[i] && i < 256; i++)
		sum = (sum ^ (unsigned char)receipt[i]) * 1099511628211u;
	return sum;
}

static uint64_t process_orders(struct order *orders, uint32_t count)
{
	uint64_t done = 0;

	validate_orders(orders, count);
	find_duplicates(orders, count);
	for (uint32_t i = 0; i < count; i++) {
		struct order *o = &orders[i];

		if (!o->valid || o->duplicate)
			continue;
		price_order(o);
		char *receipt = write_receipt(o);
		o->checksum = checksum(o, receipt);
		free(receipt);
		done++;
	}
	return done;
}

static double seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? atof(argv[1]) : 0, start = seconds_now(), now = start;
	struct order *orders = calloc(BATCH, sizeof(*orders));
	uint32_t next_number = 1;
	uint64_t received = 0, done = 0;

	if (!orders)
		abort();
	printf("pid %d\n", (int)getpid());
	fflush(stdout);
	fill_catalogue();
	while (seconds <= 0 || now - start < seconds) {
		receive_orders(orders, BATCH, &next_number);
		done += process_orders(orders, BATCH);
		received += BATCH;
		now = seconds_now();
	}
	printf("%.0f orders per second, %.1f %% of them done\n", (double)received / (now - start),
		100.0 * (double)done / (double)received);
	free(orders);
	return 0;
}
