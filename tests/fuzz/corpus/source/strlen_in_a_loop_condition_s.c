static void upper(char *s)
{
	for (size_t i = 0; i < strlen(s); i++)
		s[i] = toupper(s[i]);
}

int main(void)
{
	while (fgets(line, sizeof(line), stdin))
		upper(line);
}
