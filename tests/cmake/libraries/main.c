void words(void);

int main(void)
{
    words();
    return 0;
}
