int main(void)
{
	while (fgets(pattern, sizeof(pattern), stdin)) {
		char *p = trim(pattern);
		regcomp(&re, p, 0);
		regfree(&re);
	}
}
