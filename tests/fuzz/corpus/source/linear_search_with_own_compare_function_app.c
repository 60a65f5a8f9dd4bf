static int same(const struct point *a, const struct point *b)
{
	return a->x == b->x && a->y == b->y;
}

static struct node *lookup(struct list *l, const struct point *p)
{
	for (struct node *n = l->head; n; n = n->next) {
		if (same(&n->point, p))
			return n;
	}
	return NULL;
}

int main(void)
{
	while (read_point(&p))
		if (!lookup(&all, &p))
			add(&all, &p);
}
