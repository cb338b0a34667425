extern "C" void of_two_1();
extern "C" void of_two_2();

int main()
{
    of_two_1();
    of_two_2();
    return 0;
}
