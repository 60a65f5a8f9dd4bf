static struct entry *chain_find(struct entry *e, uint32_t key)
{
	while (e) {
		if (e->key == key)
			return e;
		e = e->next;
	}
	return NULL;
}

int main(void)
{
	while (next(&key))
		sum += chain_find(table[key % SIZE], key) != NULL;
}
