"""What every interval and test at 95 % takes of the standard normal distribution, and what a power of 80 % takes."""

NORMAL_95 = 1.959963984540054  # 95 % lie within so many standard errors of the mean
NORMAL_80 = 0.8416212335729143  # 80 % lie below so many standard errors above the mean
NORMAL_95_ONE_SIDED = 1.6448536269514722  # 95 % lie below so many standard errors above the mean
