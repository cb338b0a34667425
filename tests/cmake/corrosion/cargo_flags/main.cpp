extern "C" void flags_given();

int main()
{
    flags_given();
    return 0;
}
