#include <string.h>
struct row { char id[24]; int twice; };
static const char *seen[100000];

static void f7(struct row *rows, unsigned n)
{
	unsigned seen_count = 0;

	for (unsigned i = 0; i < n; i++) {
		rows[i].twice = 0;
		for (unsigned j = 0; j < seen_count; j++) {
			/* for (;;) if (a[i] == b) */
			if (strcmp(seen[j], rows[i].id) == 0) {
				rows[i].twice = 1;
				break;
			}
		}
		if (!rows[i].twice)
			seen[seen_count++] = rows[i].id;
	}
}

static unsigned work(unsigned x)
{
	return x * 3;
}

int main(void)
{
	for (;;) {
		f7(data, count);
		work(1);
	}
}
