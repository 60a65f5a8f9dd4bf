static struct entry *get(struct table *t, uint32_t key)
{
	for (struct entry *e = t->buckets[key % t->size]; e; e = e->next)
		if (e->key == key)
			return e;
	return NULL;
}

static struct entry *get2(struct table *t, const char *name)
{
	uint32_t h = hash(name);
	struct entry *e = t->buckets[h & t->mask];

	while (e) {
		if (e->hash == h && strcmp(e->name, name) == 0)
			return e;
		e = e->next;
	}
	return NULL;
}

static int get3(struct table *t, uint32_t key)
{
	struct bucket *b = &t->b[key % t->size];

	for (int i = 0; i < b->n; i++)
		if (b->keys[i] == key)
			return b->values[i];
	return -1;
}

static int get4(struct table *t, uint32_t key)
{
	uint32_t i = hash32(key) & t->mask;

	while (t->slots[i].used) {
		if (t->slots[i].key == key)
			return i;
		i = (i + 1) & t->mask;
	}
	return -1;
}

int main(void)
{
	while (next(&key))
		sum += get(t, key) + get2(t, name) + get3(t, key) + get4(t, key);
}
