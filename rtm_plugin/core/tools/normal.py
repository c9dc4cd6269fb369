"""What every interval and test at 95 % takes of the standard normal distribution."""

NORMAL_95 = 1.959963984540054  # 95 % lie within so many standard errors of the mean
