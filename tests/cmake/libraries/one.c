void alpha_word(void);

int main(void)
{
    alpha_word();
    return 0;
}
