extern "C" void feature_one();
extern "C" void feature_two();

int main()
{
    feature_one();
    feature_two();
    return 0;
}
